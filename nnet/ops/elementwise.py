"""Elementwise operations: activations, limits, square root, scale and shift of a normalization, channel dropout."""

import math

from nnet.ops import activation
from nnet.ops.binding import mx
from nnet.ops.normalization import rectified, scaled
from nnet.ops.sharded import Sharded
from nnet.ops.value import operation


@operation
def relu(x, *, limit=None):
    """Computes max(x, 0), and at most `limit` if it is given."""
    return rectified(x, limit=limit)


@operation
def leaky_relu(x, *, slope):
    """Computes x where x is positive, slope x elsewhere."""
    return mx.maximum(x, 0) + slope * mx.minimum(x, 0)


@operation
def prelu(x, weight):
    """Computes x where x is positive, weight x elsewhere; weight (C,) per channel (He et al. 2015, eq. 1)."""
    return mx.maximum(x, 0) + weight * mx.minimum(x, 0)


@operation
def sigmoid(x):
    """Computes 1 / (1 + e^-x)."""
    return activation.sigmoid(x)


@operation
def softplus(x):
    """Computes log(1 + e^x)."""
    return activation.softplus(x)


@operation
def tanh(x):
    """Computes (e^x - e^-x) / (e^x + e^-x)."""
    return activation.tanh(x)


@operation
def gelu(x, *, by_tanh=False):
    """Computes x Φ(x) with the normal distribution Φ (Hendrycks and Gimpel 2016, "Gaussian error linear units").

    With `by_tanh`, it is their approximation x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2.
    """
    if by_tanh:
        return 0.5 * x * (1 + activation.tanh(math.sqrt(2 / math.pi) * x * (1 + 0.044715 * x * x)))
    return activation.gelu(x)


@operation
def absolute(x):
    """Computes |x|."""
    return mx.abs(x)


@operation
def maximum(x, other):
    """Computes the maximum of x and a number."""
    return mx.maximum(x, other)


@operation
def clip(x, *, low, high):
    """Limits x to numbers from `low` to `high`; the gradient is 0 where it does."""
    return mx.clip(x, low, high)


@operation
def sqrt(x):
    """Computes the square root; its gradient is infinite at 0."""
    return mx.sqrt(x)


@operation
def cast(x, *, dtype):
    """Converts x to `dtype`."""
    return x.astype(dtype)


@operation
def scale_shift(x, scale, shift):
    """Computes x scale + shift in float32, with scale and shift (C,) per channel; the result has the dtype of x."""
    return scaled(x, scale, shift, relu=False)


def random_scale(x, *, low, high):
    """Multiplies each channel of an utterance, x (B, T, C), by one random factor in [low, high] for all frames."""
    batch, _, channels = x.shape
    factors = mx.random.uniform(low, high, (batch, 1, channels)).astype(x.dtype)
    return x * (x.cut(factors) if isinstance(x, Sharded) else factors)
