"""Reductions over the frames, bins or channels of an utterance, and the statistics of a batch."""

from nnet.ops import normalization, vectors
from nnet.ops.activation import exp_shifted
from nnet.ops.binding import mx
from nnet.ops.gradients import WithGradient
from nnet.ops.lanes import on_cpu
from nnet.ops.sharded import Sharded
from nnet.ops.value import operation

BLOCK = 64  # frames that are summed first


@operation
def mean(x, *, axis, keepdims=False):
    """Computes the mean over one or more axes, summed in float32; the result has the dtype of x."""
    wide = x.astype(mx.float32)
    if axis != 1 or x.ndim != 3:
        return mx.mean(wide, axis=axis, keepdims=keepdims).astype(x.dtype)
    average = (_sum_over_time(wide) / x.shape[1]).astype(x.dtype)
    return average if keepdims else mx.squeeze(average, 1)


@operation
def sum(x, *, axis, keepdims=False):
    """Computes the sum over one or more axes in float32; the result has the dtype of x."""
    wide = x.astype(mx.float32)
    if axis != 1 or x.ndim != 3:
        return mx.sum(wide, axis=axis, keepdims=keepdims).astype(x.dtype)
    total = _sum_over_time(wide).astype(x.dtype)
    return total if keepdims else mx.squeeze(total, 1)


@operation
def softmax(x, *, axis):
    """Computes the softmax along an axis."""
    return mx.softmax(x, axis=axis)


@operation
def mean_and_variance(x, *, unbiased):
    """Computes mean and variance over time: x (B, T, C) → (B, C) each. The variance of a single frame is 0."""
    frames = x.shape[1]
    mean = _sum_over_time(x) / frames  # (B, 1, C)
    centered = x - mean
    variance = _sum_over_time(centered * centered) / max(frames - 1 if unbiased else frames, 1)
    return mx.squeeze(mean, 1), mx.squeeze(variance, 1)


@operation
def weighted_statistics(x, scores):
    """Computes mean and variance over time, with frames weighted by the softmax over time of their scores.

    Args:
        x: (B, T, C).
        scores: (B, T, C), or (B, T, 1) shared by all channels.

    Returns:
        (B, C) each.
    """
    mean, variance, *_ = _weighted(x, scores)
    return mx.squeeze(mean, 1), mx.squeeze(variance, 1)


@operation
def normalize(x):
    """Scales x (..., D) to length 1 along the last axis; zero stays zero."""
    return vectors.normalize(x)


@operation
def layer_norm(x, weight, bias, *, eps):
    """Normalizes x (..., C) over its last axis, then scales and shifts it (Ba et al. 2016, arXiv:1607.06450, eq. 4).

    Args:
        x: (..., C).
        weight, bias: scale and shift of each channel, (C,).
        eps: added to the variance.
    """
    if on_cpu():
        return normalization.standardized(x, weight, bias, eps=eps)[0]
    return mx.fast.layer_norm(x, weight, bias, eps).astype(x.dtype)


@operation
def instance_norm(x, weight, bias, *, eps):
    """Normalizes each channel of an utterance over time (Ulyanov et al. 2016, arXiv:1607.08022), then scales it.

    Args:
        x: (B, T, C).
        weight, bias: scale and shift of each channel, (C,).
        eps: added to the biased variance.
    """
    mean = _sum_over_time(x) / x.shape[1]  # (B, 1, C)
    centered = x - mean
    variance = _sum_over_time(centered * centered) / x.shape[1]
    return centered * (mx.rsqrt(variance + eps) * weight) + bias


@operation
def max_pool(x, *, size):
    """Takes the maximum of every `size` frames: (B, T, C) → (B, T // size, C); the last frames may be left over."""
    count = x.shape[1] // size
    return mx.max(mx.unflatten(x[:, : count * size], 1, (count, size)), axis=2)


@operation
def weighted_sum(weights, *arrays):
    """Computes the sum of N arrays (B, T, D), each times its row of the weights (N, D)."""
    return _mixed(weights, *arrays)


@operation
def segment_means(x, *, segment):
    """Computes means of consecutive segments, the last maybe shorter: (B, T, C) → (B, ceil(T / segment), C)."""
    batch, frames, channels = x.shape
    whole = frames // segment * segment
    rest = [mean(x[:, whole:], axis=1, keepdims=True)] if whole < frames else []
    if not whole:
        return rest[0]
    means = mean(x[:, :whole].reshape(batch, -1, segment, channels), axis=2)
    return mx.concatenate([means, *rest], axis=1)


def batch_statistics(x):
    """Computes the `nnet.ops.normalization.Statistics` of a batch x (B, ..., C)."""
    return x.statistics if isinstance(x, Sharded) else normalization.batch_statistics([x])


def _mix(weights, *arrays):
    total = arrays[0] * weights[0]
    for array, weight in zip(arrays[1:], weights[1:], strict=True):
        total = total + array * weight
    return total


def _mix_back(arrays, dy, _):
    weights, *arrays = arrays
    products = [normalization.column_sums((dy * array).reshape(-1, dy.shape[-1])) for array in arrays]
    return mx.stack(products), *[dy * weight for weight in weights]


_mixed = WithGradient(_mix, _mix_back)


def _sum_over_time(x):
    """Computes the sum over time of x (B, T, C): (B, 1, C).

    Long utterances are summed within blocks first. Frame by frame, as MLX adds on a CPU, the sum of a minute of frames
    is off by 1e-5 of its value.
    """
    frames = x.shape[1]
    if frames < 8 * BLOCK:
        return mx.sum(x, axis=1, keepdims=True)
    whole = frames // BLOCK * BLOCK
    blocks = mx.sum(mx.unflatten(x[:, :whole], 1, (-1, BLOCK)), axis=2)  # (B, T / BLOCK, C)
    return mx.sum(blocks, axis=1, keepdims=True) + mx.sum(x[:, whole:], axis=1, keepdims=True)


def _forward(x, scores):
    """Computes mean and variance, and for the gradient the exponentials and the inverse of their sum."""
    powers = exp_shifted(scores, mx.max(scores, axis=1, keepdims=True))
    share = 1 / _sum_over_time(powers)
    mean = _sum_over_time(powers * x) * share
    centered = x - mean
    variance = _sum_over_time(powers * centered * centered) * share
    return mean, variance, powers, share


def _backward(arrays, cotangents, outputs):
    (x, scores), (dmean, dvariance, *_), (mean, variance, powers, share) = arrays, cotangents, outputs
    centered = x - mean
    slope = centered * dvariance  # the variance does not change with the mean: weighted, `centered` sums to 0
    dscores = (slope + dmean) * centered - dvariance * variance
    if scores.shape[-1] == 1:
        dscores = mx.sum(dscores, axis=-1, keepdims=True)
    weights = powers * share
    return weights * (2 * slope + dmean), weights * dscores


_weighted = WithGradient(_forward, _backward)
