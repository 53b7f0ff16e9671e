"""Lanes: streams of operations that a CPU computes at the same time.

MLX computes the operations of a stream one after the other, and of all operations only matrix products use more than
one core. So the shards of a batch (`nnet.ops.sharded`) take turns on as many streams as there are threads to use, and
the BLAS has one thread a lane.
"""

import contextlib
import threading

from nnet.ops.binding import mx
from nnet.ops.runtime import num_threads

_local = threading.local()  # of each thread: its streams, and the number of the one in use


def on_cpu():
    """Whether MLX computes on a CPU, by default or in the current stream."""
    return mx.default_device().type == mx.cpu


def num_lanes():
    """How many shards are computed at once."""
    return num_threads() if on_cpu() else 1


def current_lane():
    """The number of the lane in use, or None."""
    return getattr(_local, "lane", None)


@contextlib.contextmanager
def lane(number):
    """Sends operations to a lane, counted round the lanes that there are; None: to where they go anyway."""
    if number is None:
        yield
        return
    if not hasattr(_local, "streams"):
        _local.streams = [mx.new_stream(mx.cpu) for _ in range(num_threads())]
    number %= len(_local.streams)
    outer, _local.lane = current_lane(), number
    try:
        with mx.stream(_local.streams[number]):
            yield
    finally:
        _local.lane = outer
