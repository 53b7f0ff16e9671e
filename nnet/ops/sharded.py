"""A batch in shards that share a CPU's cores.

Shards of a few utterances stay in the caches, and lanes (`nnet.ops.lanes`) compute several at once. An operation on a
Sharded is the operation on each shard; what concerns the whole batch, its statistics, is put together from theirs.
"""

import functools

from nnet.errors import InputError
from nnet.ops.binding import mx
from nnet.ops.lanes import lane, num_lanes, on_cpu
from nnet.ops.normalization import batch_statistics, beside, scaled
from nnet.ops.value import Value

# Few enough for the caches, enough for products to be efficient (measured with ResNet34 and the x-vector).
SHARD_FRAMES = 1000
# Fewer frames in a shard are not worth the trouble.
LEAST_FRAMES = 100


def spread(x):
    """What a network is given: features (B, T, F), or a list of them with other numbers of frames, in shards on a CPU.

    On a GPU an array stays as it is, and so does any Value.
    """
    if isinstance(x, Value) or not on_cpu():
        return x
    return Sharded(x if isinstance(x, list) else _cut(x, _sizes(*x.shape[:2])))


def gather(x):
    """What a network returned, as one array where it is in shards."""
    if not isinstance(x, Sharded):
        return x
    return x.parts[0] if len(x.parts) == 1 else mx.concatenate(x.parts)


def with_arrays(function, x):
    """function(x) for a network that is written in MLX's own functions and layers: it gets arrays.

    Utterances of one length come as one array, so that a batch normalization of MLX sees all of them; utterances of
    several lengths, which come in extraction alone, come one length at a time. Such a network cannot be exported.
    """
    if not isinstance(x, Value):
        return function(x)
    if not isinstance(x, Sharded):
        raise InputError("this network uses functions of MLX itself; write it with nnet.ops to export or count it")
    if len({part.shape[1:] for part in x.parts}) == 1:
        return spread(function(gather(x)))
    return Sharded([function(part) for part in x.parts])


class Sharded(Value):
    """A batch in parts, arrays (B_i, ...).

    Args:
        parts: a list of arrays.
        beside: the Sharded whose channels follow each other in this one, if it is made of several.
    """

    def __init__(self, parts, beside=()):
        self.parts, self._beside = parts, beside

    @property
    def ndim(self):
        """Number of axes."""
        return self.parts[0].ndim

    @property
    def dtype(self):
        """Type of the values."""
        return self.parts[0].dtype

    @property
    def shape(self):
        """The shape of the joined batch, where all utterances have one length."""
        return (sum(len(part) for part in self.parts), *self.parts[0].shape[1:])

    def cut(self, array):
        """An array (B, ...) of the whole batch, in shards as this one is."""
        return Sharded(_cut(array, [len(part) for part in self.parts]))

    @functools.cached_property
    def statistics(self):
        """The Statistics of the batch.

        Channels that were put side by side keep theirs: each dense layer of CAM++ normalizes what all before it have
        added, and a tenth of a training step goes when each channel is summed once.
        """
        if self._beside:
            return functools.reduce(beside, (value.statistics for value in self._beside))
        return batch_statistics(self.parts)

    def run(self, operation, values, options):
        if operation.__name__ == "scale_shift":
            return Normalized(*values)
        if operation.__name__ == "add" and (fused := _with_residual(*values)):
            return fused
        function = operation.function
        if operation.prepare:
            values, options = (values[0], operation.prepare(*values[1:], **options)), {}
        results = []
        for i, arguments in enumerate(_arguments_of_shards(values)):
            with lane(i):
                results.append(function(*arguments, **options))
        if isinstance(results[0], tuple):
            return tuple(Sharded(list(parts)) for parts in zip(*results, strict=True))
        side_by_side = operation.__name__ == "concat" and options.get("axis", -1) == -1
        return Sharded(results, values if side_by_side else ())


class Normalized(Sharded):
    """x scale + shift [+ residual], computed when it is known whether a ReLU follows.

    So a block's `relu(bn(x) + shortcut)` passes over memory once instead of three times, which on a CPU costs as much
    as the products of a small convolution (`nnet.ops.normalization`).
    """

    def __init__(self, x, scale, shift, residual=None):
        self.x, self.scale, self.shift, self.residual = x, scale, shift, residual
        self._beside = ()

    @functools.cached_property
    def parts(self):
        return self._compute(relu=False)

    def _compute(self, relu):
        arrays = (self.x, self.scale, self.shift) + (() if self.residual is None else (self.residual,))
        parts = []
        for i, arguments in enumerate(_arguments_of_shards(arrays)):
            with lane(i):
                parts.append(scaled(*arguments, relu=relu))
        return parts

    def run(self, operation, values, options):
        if operation.__name__ == "relu":
            return Sharded(self._compute(relu=True))
        return super().run(operation, values, options)


def _with_residual(one, other):
    """The sum of two values as a Normalized with a residual, where one of them is normalized and nothing more."""
    for normalized, residual in ((one, other), (other, one)):
        waiting = isinstance(normalized, Normalized) and normalized.residual is None
        if waiting and isinstance(residual, Sharded) and normalized.x.shape == residual.shape:
            return Normalized(normalized.x, normalized.scale, normalized.shift, residual)
    return None


def _arguments_of_shards(values):
    """The arguments of each shard: a Sharded gives its parts, anything else is the same for all."""
    count = next(len(value.parts) for value in values if isinstance(value, Sharded))
    return zip(*(v.parts if isinstance(v, Sharded) else [v] * count for v in values), strict=True)


def _sizes(batch, frames):
    """How many utterances each shard has."""
    lanes, total = num_lanes(), batch * frames
    count = min(batch, lanes * -(-total // (lanes * SHARD_FRAMES)), total // LEAST_FRAMES + 1)
    return [batch // count + (i < batch % count) for i in range(count)]


def _cut(x, sizes):
    ends = [sum(sizes[:i]) for i in range(1, len(sizes))]
    return mx.split(x, ends) if ends else [x]
