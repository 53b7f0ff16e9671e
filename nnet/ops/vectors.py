"""Norms of vectors with finite values and gradients at zero."""

from nnet.ops.binding import mx

# Lower bound of squared norms.
_LEAST_SQUARE = 1e-12


def norms(x):
    """Computes ‖x‖ along the last axis: (..., D) → (..., 1), at least 1e-6."""
    return mx.sqrt(_squares(x))


def inverse_norms(x):
    """Computes 1 / ‖x‖ along the last axis: (..., D) → (..., 1), at most 1e6."""
    return mx.rsqrt(_squares(x))


def normalize(x):
    """Scales x (..., D) to length 1 along the last axis; zero stays zero."""
    return x * inverse_norms(x)


def _squares(x):
    return mx.maximum(mx.sum(x * x, axis=-1, keepdims=True), _LEAST_SQUARE)
