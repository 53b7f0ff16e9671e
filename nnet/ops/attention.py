"""Statistics over time that are weighted by a softmax, in few passes over memory."""

from nnet.ops import mx
from nnet.ops.activation import exp_below
from nnet.ops.operation import Operation


def weighted_statistics(x, scores):
    """Mean and variance over time, each frame weighted by the softmax over time of its scores.

    Args:
        x: (B, T, C).
        scores: (B, T, C), or (B, T, 1) for all channels alike.

    Returns:
        (B, C) each.
    """
    mean, variance, *_ = _statistics(x, scores)
    return mx.squeeze(mean, 1), mx.squeeze(variance, 1)


def _forward(x, scores):
    """Mean and variance; and for the gradient the powers of e and one over their sum, which are the weights."""
    powers = exp_below(scores, mx.max(scores, axis=1, keepdims=True))
    share = 1 / mx.sum(powers, axis=1, keepdims=True)
    mean = mx.sum(powers * x, axis=1, keepdims=True) * share
    centered = x - mean
    variance = mx.sum(powers * centered * centered, axis=1, keepdims=True) * share
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


_statistics = Operation(_forward, _backward)
