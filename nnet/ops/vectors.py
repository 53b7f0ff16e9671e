"""Lengths of vectors, safe at zero: values and gradients stay finite."""

from nnet.ops.binding import mx

# A shorter vector counts as this long.
_LEAST_SQUARE = 1e-12


def norms(x):
    """‖x‖ along the last axis: (..., D) → (..., 1), at least 1e-6."""
    return mx.sqrt(_squares(x))


def inverse_norms(x):
    """1 / ‖x‖ along the last axis: (..., D) → (..., 1), at most 1e6."""
    return mx.rsqrt(_squares(x))


def normalize(x):
    """x (..., D) at length 1 along its last axis; zero stays zero."""
    return x * inverse_norms(x)


def _squares(x):
    return mx.maximum(mx.sum(x * x, axis=-1, keepdims=True), _LEAST_SQUARE)
