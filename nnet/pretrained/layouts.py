"""PyTorch's order of the axes of a weight, and ours (channels last)."""

import numpy as np


def from_torch(array, ndim):
    """A weight (O, I), (O, I, K) or (O, I, F, T) as ours of `ndim` axes: (O, I), (O, K, I), (O, F, T, I).

    A convolution of kernel 1 that is a linear layer here (ndim 2) loses its last axis.
    """
    if array.ndim == 3 and ndim == 2 and array.shape[2] == 1:
        return np.ascontiguousarray(array[:, :, 0])
    return np.ascontiguousarray(np.moveaxis(array, 1, -1)) if array.ndim > 2 else array


def to_torch(array, ndim):
    """The inverse of `from_torch`: our weight as PyTorch's of `ndim` axes."""
    if array.ndim == 2 and ndim == 3:
        return np.ascontiguousarray(array[:, :, None])
    return np.ascontiguousarray(np.moveaxis(array, -1, 1)) if array.ndim > 2 else array
