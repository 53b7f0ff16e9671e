"""Converts weights between PyTorch's axis order and ours (channels last)."""

import numpy as np


def from_torch(array, ndim):
    """Converts PyTorch's (O, I), (O, I, K) or (O, I, F, T) to our (O, I), (O, K, I) or (O, F, T, I).

    A row (1, D) may be a vector (D,) here.

    Args:
        array: PyTorch's weight.
        ndim: number of axes of our weight; 2 for a convolution of kernel 1 that is a linear layer here, and for
            ReDimNet's weights of outputs, (1, N, D, 1); 1 for a vector that is (1, 1, C) there.
    """
    if array.ndim == 3 and ndim == 1 and array.shape[:2] == (1, 1):
        return np.ascontiguousarray(array[0, 0])
    if array.ndim == 4 and ndim == 2:
        return array.reshape(array.shape[1:3]) if array.shape[::3] == (1, 1) else array
    if array.ndim == 3 and ndim == 2 and array.shape[2] == 1:
        return np.ascontiguousarray(array[:, :, 0])
    if array.ndim == 2 and ndim == 1 and len(array) == 1:
        return array[0]
    return np.ascontiguousarray(np.moveaxis(array, 1, -1)) if array.ndim > 2 else array


def to_torch(array, ndim):
    """Converts our weight to PyTorch's weight with `ndim` axes; the inverse of `from_torch`."""
    if array.ndim == 1 and ndim == 3:
        return np.ascontiguousarray(array[None, None])
    if array.ndim == 2 and ndim == 4:
        return np.ascontiguousarray(array[None, :, :, None])
    if array.ndim == 2 and ndim == 3:
        return np.ascontiguousarray(array[:, :, None])
    if array.ndim == 1 and ndim == 2:
        return array[None]
    return np.ascontiguousarray(np.moveaxis(array, -1, 1)) if array.ndim > 2 else array
