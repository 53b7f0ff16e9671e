"""Operations on single values: activations, roots, the scale and shift of a normalization, dropout of channels."""

from nnet.ops import activation
from nnet.ops.binding import mx
from nnet.ops.normalization import rectified, scaled
from nnet.ops.sharded import Sharded
from nnet.ops.value import operation


@operation
def relu(x):
    """max(x, 0)."""
    return rectified(x)


@operation
def leaky_relu(x, *, slope):
    """x where it is positive, elsewhere slope x."""
    return mx.maximum(x, 0) + slope * mx.minimum(x, 0)


@operation
def prelu(x, weight):
    """x where it is positive, elsewhere weight x, with a weight (C,) for each channel (He et al. 2015, eq. 1)."""
    return mx.maximum(x, 0) + weight * mx.minimum(x, 0)


@operation
def sigmoid(x):
    """1 / (1 + e^-x)."""
    return activation.sigmoid(x)


@operation
def tanh(x):
    """(e^x - e^-x) / (e^x + e^-x)."""
    return activation.tanh(x)


@operation
def maximum(x, other):
    """The larger of x and a number."""
    return mx.maximum(x, other)


@operation
def sqrt(x):
    """The square root; its gradient is infinite at 0."""
    return mx.sqrt(x)


@operation
def cast(x, *, dtype):
    """x as `dtype`."""
    return x.astype(dtype)


@operation
def scale_shift(x, scale, shift):
    """x scale + shift, a scale and a shift (C,) for each channel, in float32; the result has the dtype of x."""
    return scaled(x, scale, shift, relu=False)


def random_scale(x, *, low, high):
    """x (B, T, C), each channel of an utterance times a random factor between `low` and `high`, for all its frames."""
    batch, _, channels = x.shape
    factors = mx.random.uniform(low, high, (batch, 1, channels)).astype(x.dtype)
    return x * (x.cut(factors) if isinstance(x, Sharded) else factors)
