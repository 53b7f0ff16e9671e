"""How a CPU's cores are used: the utterances of a batch go through a network in shards, on several streams at once.

MLX computes the operations of a stream one after the other, and of all operations only matrix products use more than
one core. So a batch is cut into shards of a few utterances, which stay in the caches, and the shards take turns on as
many streams ("lanes") as there are threads to use; the BLAS has one thread a lane. What a layer returns is the joined
batch, but its concatenation is computed only if somebody needs it: the next layer finds the shards it came from.

On a GPU, and inside of a function that `each` applies, a batch is one shard.
"""

import contextlib
import threading
import weakref

from nnet.compute import mx
from nnet.compute.blas import num_threads

# Few enough for the caches, enough for products to be efficient (measured with ResNet34 and the x-vector).
SHARD_FRAMES = 800
# Less than this is not worth the trouble: frames in a shard, values in a part of an utterance.
LEAST_FRAMES = 100
LEAST_VALUES = 2**15

_joined = {}  # id of a joined array → (a weak reference to it, its shards)
_local = threading.local()  # of each thread: its streams, and the number of the one in use


def on_cpu():
    """Whether MLX computes on a CPU, by default or in the current stream."""
    return mx.default_device().type == mx.cpu


def each(function, *arrays):
    """Applies `function` to the shards of the arrays, which have the batch axis first, and joins what it returns.

    The function must treat every utterance alone. It returns an array or a tuple of arrays with the batch axis first;
    other arrays that it uses (weights) it may simply know.
    """
    if current_lane() is not None:
        return function(*arrays)
    return join(run_in_lanes(function, shards(*arrays)))


def run_in_lanes(function, sharded):
    """[function(*shard), ...] for a list of tuples of arrays, each in its lane."""
    if len(sharded) == 1:
        return [function(*sharded[0])]
    results = []
    for i, shard in enumerate(sharded):
        with lane(i % num_threads()):
            results.append(function(*shard))
    return results


def current_lane():
    """The number of the lane in use, or None outside of `each`."""
    return getattr(_local, "lane", None)


@contextlib.contextmanager
def lane(number):
    """Sends operations to a lane; None: to where they go anyway."""
    if number is None:
        yield
        return
    if not hasattr(_local, "streams"):
        _local.streams = [mx.new_stream(mx.cpu) for _ in range(num_threads())]
    outer, _local.lane = current_lane(), number
    try:
        with mx.stream(_local.streams[number]):
            yield
    finally:
        _local.lane = outer


def ranges(size, multiple, x):
    """The range 0 ... size in parts (first, stop), of whole multiples, that lanes can compute at once.

    There is one part unless x is a single utterance, of which there is no other shard to keep the other lanes busy.
    """
    if len(x) > 1 or x.size < LEAST_VALUES or current_lane() is not None or not on_cpu():
        return [(0, size)]
    step = -(-size // (multiple * num_threads())) * multiple
    return [(first, min(first + step, size)) for first in range(0, size, step)]


def shards(*arrays):
    """The arrays cut along their first axis at the same places: a list with a tuple for each shard."""
    known = next((_joined[id(x)][1] for x in arrays if id(x) in _joined), None)
    sizes = [len(s) for s in known] if known else _shard_sizes(arrays[0])
    if len(sizes) == 1:
        return [arrays]
    return list(zip(*(_cut(x, sizes) for x in arrays), strict=True))


def join(results):
    """The batch of which `results` are the shards: an array, or a tuple of arrays where these are tuples."""
    if len(results) == 1:
        return results[0]
    if isinstance(results[0], (tuple, list)):
        return tuple(join(parts) for parts in zip(*results, strict=True))
    return _remember(mx.concatenate(results, axis=0), results)


def _shard_sizes(x):
    batch = len(x)
    if batch == 1 or x.ndim < 3 or current_lane() is not None or not on_cpu():
        return [batch]
    lanes, frames = num_threads(), batch * x.shape[-2]
    count = min(batch, lanes * -(-frames // (lanes * SHARD_FRAMES)), frames // LEAST_FRAMES + 1)
    return [batch // count + (i < batch % count) for i in range(count)]


def _cut(x, sizes):
    if id(x) in _joined and [len(s) for s in _joined[id(x)][1]] == sizes:
        return _joined[id(x)][1]
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    return _remember(x, mx.split(x, ends, axis=0), cut=True)


def _remember(x, parts, cut=False):
    key = id(x)
    _joined[key] = (weakref.ref(x, lambda _: _joined.pop(key, None)), parts)
    return parts if cut else x
