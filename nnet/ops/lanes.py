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

from nnet.ops import mx
from nnet.ops.blas import num_threads, threaded

# Few enough for the caches, enough for products to be efficient (measured with ResNet34 and the x-vector).
SHARD_FRAMES = 1000
# Less than this is not worth the trouble: frames in a shard, values of an utterance's sequence (B, T, C) or map.
LEAST_FRAMES = 100
LEAST_VALUES = {3: 2**17, 4: 2**15}
TOGETHER = 4  # frames that no cut through an utterance parts
FRAMES, CHANNELS = -2, -1  # their axes, of sequences and of maps

_joined = {}  # id of a joined array → a weak reference to it, the axis along which it was cut, its parts
_local = threading.local()  # of each thread: its streams, and the number of the one in use


def on_cpu():
    """Whether MLX computes on a CPU, by default or in the current stream."""
    return mx.default_device().type == mx.cpu


def num_lanes():
    """How many shards are computed at once."""
    return num_threads() if on_cpu() else 1


def each(function, *arrays, along=0):
    """Applies `function` to the shards of the arrays, which have the batch axis first, and joins what it returns.

    The function must treat every utterance alone. If it even treats alone what is at one place `along` another axis
    (FRAMES), a single utterance is cut there. It returns an array or a tuple of arrays with these axes; other arrays
    that it uses (weights) it may simply know.
    """
    if current_lane() is not None:
        return function(*arrays)
    axis, sharded = _shards(arrays, along)
    return join(run_in_lanes(function, sharded), axis)


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
    if len(x) > 1 or x.size < LEAST_VALUES[x.ndim] or current_lane() is not None or threaded() or not on_cpu():
        return [(0, size)]
    step = -(-size // (multiple * num_threads())) * multiple
    return [(first, min(first + step, size)) for first in range(0, size, step)]


def shards(x):
    """x cut by utterances, or a single utterance by frames: a list of tuples of one array."""
    return [(x,)] if current_lane() is not None else _shards([x], FRAMES)[1]


def join(parts, axis=0):
    """The array that was cut into `parts` along an axis, or a tuple of arrays where the parts are tuples."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], (tuple, list)):
        return tuple(join(same, axis) for same in zip(*parts, strict=True))
    x = mx.concatenate(parts, axis=axis)
    _remember(x, axis, parts)
    return x


def between(x, first, stop, axis):
    """What is at first ... stop - 1 of an axis of x, in pieces, one for each part that x was joined of along it."""
    _, along, parts = _joined.get(id(x), (None, None, None))
    pieces, start = [], 0
    for part in parts if along == axis else [x]:
        low, high = max(first - start, 0), min(stop - start, part.shape[axis])
        if low < high:
            pieces.append(part if high - low == part.shape[axis] else _slice(part, low, high, axis))
        start += part.shape[axis]
    return pieces or [_slice(x, first, first, axis)]


def _slice(x, low, high, axis):
    return x[..., low:high, :] if axis == FRAMES else x[..., low:high]


def _shards(arrays, along):
    """Where to cut, and the arrays cut there along the same axis: axis, [tuple of one part of each array, ...]."""
    known = (_joined[id(x)] for x in arrays if id(x) in _joined)
    axis, sizes = next(((a, [p.shape[a] for p in parts]) for _, a, parts in known if a in (0, along)), (0, []))
    if not sizes:
        axis, sizes = _sizes(arrays[0], along)
    if len(sizes) == 1:
        return axis, [tuple(arrays)]
    return axis, list(zip(*(_cut(x, axis, sizes) for x in arrays), strict=True))


def _sizes(x, along):
    batch = len(x)
    if x.ndim < 3 or not on_cpu():
        return 0, [batch]
    if batch == 1:
        return along, [stop - first for first, stop in ranges(x.shape[along], TOGETHER, x)] if along else [1]
    lanes, frames = num_threads(), batch * x.shape[-2]
    count = min(batch, lanes * -(-frames // (lanes * SHARD_FRAMES)), frames // LEAST_FRAMES + 1)
    return 0, [batch // count + (i < batch % count) for i in range(count)]


def _cut(x, axis, sizes):
    _, along, parts = _joined.get(id(x), (None, None, None))
    if along != axis or [p.shape[axis] for p in parts] != sizes:
        ends = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
        parts = mx.split(x, ends, axis=axis)
        _remember(x, axis, parts)
    return parts


def _remember(x, axis, parts):
    key = id(x)
    _joined[key] = (weakref.ref(x, lambda _: _joined.pop(key, None)), axis, parts)
