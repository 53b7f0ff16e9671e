"""Lanes: MLX streams that a CPU executes in parallel.

MLX executes the operations of a stream in sequence, and only its matrix products use more than one core. So the shards
of a batch (`nnet.ops.sharded`) are distributed over as many streams as there are threads, and the BLAS uses one thread
per lane.
"""

import contextlib
import threading

from nnet.ops.binding import mx
from nnet.ops.runtime import num_threads

_local = threading.local()  # per thread: its streams, and the number of the current lane


def on_cpu():
    """Returns whether MLX computes on a CPU by default."""
    return mx.default_device().type == mx.cpu


def num_lanes():
    """Returns the number of shards computed in parallel."""
    return num_threads() if on_cpu() else 1


def current_lane():
    """Returns the number of the current lane, or None."""
    return getattr(_local, "lane", None)


@contextlib.contextmanager
def lane(number):
    """Context that sends operations to lane `number` modulo the number of lanes; None: to the default stream."""
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
