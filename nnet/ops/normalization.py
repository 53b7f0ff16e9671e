"""Batch statistics, scaling and ReLU with few passes over memory and hand-written gradients.

On a CPU a pass over an array costs as much as 20 to 60 multiply-adds per element. Sums over rows are products with a
row of ones, which a BLAS computes faster than MLX's reduction; the gradient of a ReLU is masked by the sign of its
output. Statistics, scales and sums are float32, whatever the dtype of the activations.
"""

import contextlib
import functools
from collections import namedtuple

from nnet.ops.binding import mx
from nnet.ops.gradients import WithGradient
from nnet.ops.lanes import lane


def _moments(x):
    rows = x.reshape(-1, x.shape[-1]).astype(mx.float32)
    mean = column_sums(rows) / len(rows)
    centered = rows - mean
    return mean, column_sums(centered * centered)


def _moments_back(arrays, cotangents, outputs):
    (x,), (dmean, dsquares), (mean, _) = arrays, cotangents, outputs
    slope = 2 * dsquares
    return (x * slope + (dmean * (x.shape[-1] / x.size) - mean * slope),)


moments = WithGradient(_moments, _moments_back)
moments.__doc__ = "moments(x) computes means over all axes but the last, and the sums of squared deviations from them."


def _rectified(x, *, limit):
    y = mx.maximum(x, 0)
    return y if limit is None else mx.minimum(y, limit)


def _slope(y, limit):
    """Returns 1 where the output y of a ReLU is between 0 and its limit, 0 where it is one of the two."""
    return mx.sign(y if limit is None else y * (limit - y))


rectified = WithGradient(_rectified, lambda _, dy, y, *, limit: (dy * _slope(y, limit),))
rectified.__doc__ = "rectified(x, limit=): max(x, 0), at most `limit` unless it is None."


def _scaled(x, scale, shift, *residual, relu, limit=None):
    y = x * scale + shift
    if residual:
        y = y + residual[0]
    return (_rectified(y, limit=limit) if relu else y).astype(x.dtype)


def _scaled_back(arrays, dy, y, *, relu, limit=None):
    x, scale, _, *residual = arrays
    dy = dy.astype(mx.float32)
    if relu:
        dy = dy * _slope(y, limit)
    rows = dy.reshape(-1, dy.shape[-1])
    products = rows * x.reshape(rows.shape)
    return dy * scale, column_sums(products), column_sums(rows), *[dy for _ in residual]


scaled = WithGradient(_scaled, _scaled_back)
scaled.__doc__ = """scaled(x, scale, shift[, residual], relu=): [relu](x scale + shift [+ residual]), by channel.

With limit=, the ReLU lets through at most this.
"""


def _standardized(x, weight, bias, *, eps):
    """Computes the layer normalization of x, and for the gradient the deviations over the scale, and 1 / the scale."""
    rows = x.reshape(-1, x.shape[-1]).astype(mx.float32)
    rows = rows - _row_means(rows)
    share = mx.rsqrt(_row_means(rows * rows) + eps)
    rows = rows * share
    return (rows * weight + bias).reshape(x.shape).astype(x.dtype), rows, share


def _standardized_back(arrays, cotangents, outputs, *, eps):
    (x, weight, _), (dy, *_), (_, rows, share) = arrays, cotangents, outputs
    dy = dy.reshape(rows.shape).astype(mx.float32)
    slope = dy * weight
    dx = share * (slope - _row_means(slope) - rows * _row_means(slope * rows))
    return dx.reshape(x.shape), column_sums(dy * rows), column_sums(dy)


standardized = WithGradient(_standardized, _standardized_back)
standardized.__doc__ = """standardized(x, weight, bias, eps=): (layer normalization over the last axis, ...)."""


def _row_means(rows):
    return rows @ ones(rows.shape[1]).T / rows.shape[1]


def column_sums(rows):
    """Computes the sums of the columns of rows (N, D): (D,)."""
    return (ones(len(rows)) @ rows)[0]


@functools.lru_cache(maxsize=64)
def ones(count):
    """Returns a row of ones, (1, count)."""
    row = mx.ones((1, count))
    mx.eval(row)  # evaluated now, because streams created later cannot evaluate it
    return row


_gather = None  # see `joint_batch`


@contextlib.contextmanager
def joint_batch(gather):
    """Context in which batch statistics are those of the joint batch of several processes.

    Args:
        gather: gather(x) → (processes, *x.shape), with a gradient summed over the processes; None: each process uses
            the statistics of its own batch.
    """
    global _gather
    outer, _gather = _gather, gather
    try:
        yield
    finally:
        _gather = outer


Statistics = namedtuple("Statistics", "mean variance count")
Statistics.__doc__ = "Mean and biased variance of a batch by channel, (C,) float32, and its number of rows."


def concat_statistics(one, other):
    """Concatenates the Statistics of two sets of channels."""
    return Statistics(*(mx.concatenate(pair) for pair in zip(one[:2], other[:2], strict=True)), one.count)


def batch_statistics(shards):
    """Computes the Statistics of a batch in shards, a list of (B_i, ..., C).

    In a `joint_batch`, every process must have the same number of rows.
    """
    results = []
    for i, shard in enumerate(shards):
        with lane(i if len(shards) > 1 else None):
            results.append(moments(shard))
    means, squares = map(mx.stack, zip(*results, strict=True))  # (S, C)
    mean, squares, count = _merged(means, squares, [x.size // x.shape[-1] for x in shards])
    if _gather:
        both = _gather(mx.stack([mean, squares]))  # (P, 2, C)
        mean, squares, count = _merged(both[:, 0], both[:, 1], [count] * len(both))
    return Statistics(mean, squares / count, count)


def _merged(means, squares, counts):
    """Merges means, sums of squared deviations and row counts of parts, (S, C), (S, C), [S], into those of the whole.

    Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance", eq. 2.1.
    """
    total, counts = sum(counts), mx.array([[n] for n in counts], mx.float32)
    mean = mx.sum(means * (counts / total), axis=0)
    return mean, mx.sum(squares + counts * mx.square(means - mean), axis=0), total
