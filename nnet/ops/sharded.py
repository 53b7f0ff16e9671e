"""Splits a batch into shards that are computed in parallel on a CPU's cores.

Lanes (`nnet.ops.lanes`) compute shards at the same time. An operation on a Sharded is applied to each shard; batch
statistics are merged from those of the shards.
"""

import functools

from nnet.errors import InputError
from nnet.ops.binding import mx
from nnet.ops.lanes import lane, num_lanes, on_cpu
from nnet.ops.normalization import batch_statistics, concat_statistics, scaled
from nnet.ops.value import Value

# Maximum frames per shard. Each shard costs time on the one thread that builds the graph: with 4000 instead of 1000 a
# training step of 32 x 200 frames took 0.57 (CAM++), 0.86 (ECAPA-512), 0.88 (x-vector) and 0.90 (ResNet34) of the time,
# and a tenth more memory (Xeon, two cores).
SHARD_FRAMES = 4000
# Minimum frames per shard; smaller shards do not pay off.
LEAST_FRAMES = 100


def spread(x):
    """Splits the input of a network into shards on a CPU; arrays on a GPU and Values are returned unchanged.

    Args:
        x: features (B, T, F), or a list of such arrays with different numbers of frames.
    """
    if isinstance(x, Value) or not on_cpu():
        return x
    return Sharded(x if isinstance(x, list) else _cut(x, _sizes(*x.shape[:2])))


def gather(x):
    """Joins the shards of a network's output into one array; returns anything else unchanged."""
    if not isinstance(x, Sharded):
        return x
    return x.parts[0] if len(x.parts) == 1 else mx.concatenate(x.parts)


def with_arrays(function, x):
    """Applies a network that is written in MLX's own functions and layers: function(x) on plain arrays.

    Utterances of equal length are passed as one array, so that MLX's batch normalization sees the whole batch;
    different lengths, which occur only in extraction, are passed one length at a time. Such a network cannot be
    exported.

    Raises:
        InputError: x is a Value other than a Sharded (export, counting of multiply-adds).
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
        concatenated: the Shardeds whose channels are concatenated in this one, if it was made by a concatenation.
    """

    def __init__(self, parts, concatenated=()):
        self.parts, self._concatenated = parts, concatenated

    @property
    def ndim(self):
        """Number of axes."""
        return self.parts[0].ndim

    @property
    def dtype(self):
        """Type of the elements."""
        return self.parts[0].dtype

    @property
    def shape(self):
        """Shape of the joined batch; all utterances must have the same length."""
        return (sum(len(part) for part in self.parts), *self.parts[0].shape[1:])

    def cut(self, array):
        """Splits an array (B, ...) of the whole batch into the same shards."""
        return Sharded(_cut(array, [len(part) for part in self.parts]))

    @functools.cached_property
    def statistics(self):
        """Computes the Statistics of the batch.

        Concatenated channels reuse the statistics of their parts: each dense layer of CAM++ normalizes the outputs of
        all earlier ones, and summing each channel only once saves a tenth of a training step.
        """
        if self._concatenated:
            return functools.reduce(concat_statistics, (value.statistics for value in self._concatenated))
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
    """x scale + shift [+ residual], evaluated only once it is known whether a ReLU follows.

    So a block's `relu(bn(x) + shortcut)` takes one pass over memory instead of three; on a CPU, a pass costs as much as
    the products of a small convolution (`nnet.ops.normalization`).
    """

    def __init__(self, x, scale, shift, residual=None):
        self.x, self.scale, self.shift, self.residual = x, scale, shift, residual
        self._concatenated = ()

    @functools.cached_property
    def parts(self):
        return self._compute(relu=False)

    def _compute(self, **options):
        arrays = (self.x, self.scale, self.shift) + (() if self.residual is None else (self.residual,))
        parts = []
        for i, arguments in enumerate(_arguments_of_shards(arrays)):
            with lane(i):
                parts.append(scaled(*arguments, **options))
        return parts

    def run(self, operation, values, options):
        if operation.__name__ == "relu":
            return Sharded(self._compute(relu=True, **options))
        return super().run(operation, values, options)


def _with_residual(one, other):
    """Returns the sum of two values as a Normalized with a residual, if one of them is a Normalized without one."""
    for normalized, residual in ((one, other), (other, one)):
        waiting = isinstance(normalized, Normalized) and normalized.residual is None
        if waiting and isinstance(residual, Sharded) and normalized.x.shape == residual.shape:
            return Normalized(normalized.x, normalized.scale, normalized.shift, residual)
    return None


def _arguments_of_shards(values):
    """Returns the arguments of each shard: the parts of Shardeds, and anything else unchanged."""
    count = next(len(value.parts) for value in values if isinstance(value, Sharded))
    return zip(*(v.parts if isinstance(v, Sharded) else [v] * count for v in values), strict=True)


def _sizes(batch, frames):
    """Returns the number of utterances of each shard."""
    lanes, total = num_lanes(), batch * frames
    count = min(batch, lanes * -(-total // (lanes * SHARD_FRAMES)), total // LEAST_FRAMES + 1)
    return [batch // count + (i < batch % count) for i in range(count)]


def _cut(x, sizes):
    ends = [sum(sizes[:i]) for i in range(1, len(sizes))]
    return mx.split(x, ends) if ends else [x]
