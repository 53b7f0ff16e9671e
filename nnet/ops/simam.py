"""SimAM, an attention without parameters over the positions of a map.

Yang et al. 2021, "SimAM: a simple, parameter-free attention module for convolutional neural networks", eq. 5 and 7.
"""

from nnet.ops.activation import sigmoid
from nnet.ops.binding import mx
from nnet.ops.gradients import WithGradient
from nnet.ops.normalization import ones
from nnet.ops.value import operation


@operation
def simam(x, *, regularization):
    """Scales each value of a map by a gate that is the larger the further the value is from its channel's mean.

    With the mean m and the unbiased variance v of a channel over the utterance's bins and frames, the gate of x is
    sigmoid((x - m)² / (4 (v + regularization)) + 1/2).

    Args:
        x: (B, F, T, C).
        regularization: added to the variance.
    """
    return _gated(x, regularization=regularization)[0]


def _forward(x, *, regularization):
    """Computes the scaled map, and for the gradient the gate, the mean and 1 / (4 (v + regularization))."""
    wide, (most, fewer) = x.astype(mx.float32), _positions(x)
    mean = _sums(wide) / most
    centered = wide - mean
    squares = centered * centered
    share = 0.25 / (_sums(squares) / fewer + regularization)
    gate = sigmoid(squares * share + 0.5)
    return (wide * gate).astype(x.dtype), gate, mean, share


def _backward(arrays, cotangents, outputs, *, regularization):
    (x,), (dy, *_), (_, gate, mean, share) = arrays, cotangents, outputs
    most, fewer = _positions(x)
    direct = dy * gate
    centered = x - mean
    slope = direct * x * (1 - gate) * centered  # of the gate's argument, times x - m
    through_variance = _sums(slope * centered) * (8 / fewer) * share * share
    return (direct + (slope - _sums(slope) / most) * (2 * share) - centered * through_variance,)


def _positions(x):
    """Returns the number of positions of a map, and the divisor of its unbiased variance."""
    count = x.shape[1] * x.shape[2]
    return count, max(count - 1, 1)


def _sums(x):
    """Computes the sums over bins and frames: (B, F, T, C) → (B, 1, 1, C). A BLAS adds the frames faster than MLX."""
    return mx.sum(ones(x.shape[2]) @ x, axis=1, keepdims=True)


_gated = WithGradient(_forward, _backward)
