"""Convolutions with a filter for each channel, over maps and sequences, as products with banded matrices.

A block of n frames of a channel is its window of n + K - 1 frames times a band matrix, which has the K taps of the
channel's filter in every column; a filter over several bins is a sum of such products. Up to half of the products are
with zeros, but a BLAS computes all of them in less time than MLX needs for a pass over memory per tap, or for its own
convolution.
"""

import functools

from nnet.ops.binding import mx
from nnet.ops.copies import copied
from nnet.ops.gradients import WithGradient

_LEAST_BLOCK = 8  # frames of a block, for short filters
_FEW = 128  # channels
_APART = 16  # values between frames, so that values of one channel do not all fall into the same lines of a cache


def bands(weight):
    """Makes the band matrices of filters (C, KF, KT): (KF, C, n + KT - 1, n), [f, c, i + t, i] = weight[c, f, t]."""
    channels, high, taps = weight.shape
    block = max(taps - 1, _LEAST_BLOCK)
    rows, length = block + taps - 1, 2 * block + taps - 2
    wide = mx.pad(weight.swapaxes(0, 1)[..., ::-1], ((0, 0), (0, 0), (block - 1, block - 1)))
    upside_down = mx.as_strided(wide, (high, channels, rows, block), (channels * length, length, 1, 1))
    return copied(upside_down[:, :, ::-1])


def _forward(x, weight, bands, backward, *, padding):
    return _filter(x, bands, padding)


def _backward(arrays, dy, _, *, padding):
    x, weight, bands, backward = arrays
    (channels, high, taps), (*_, rows, block) = weight.shape, bands.shape
    bins, count = dy.shape[1], -(-dy.shape[2] // block)
    inputs = _windows(x, padding, rows, block, count)
    outputs = _windows(dy, ((0, 0), (0, 0)), block, block, count).reshape(channels, -1, block)
    slopes = []
    for view in _of_bins(inputs, high, bins):
        products = view.swapaxes(1, 2) @ outputs  # (C, n + KT - 1, n)
        diagonals = mx.as_strided(products, (channels, taps, block), (rows * block, block, block + 1))
        slopes.append(mx.sum(diagonals, axis=2))
    back = [(k - 1 - before, k - 1 - after) for k, (before, after) in zip((high, taps), padding, strict=True)]
    return _filter(dy, backward, back), mx.stack(slopes, axis=1), mx.zeros_like(bands), mx.zeros_like(backward)


depthwise = WithGradient(_forward, _backward)
depthwise.__doc__ = """depthwise(x, weight, bands, backward, padding=): a depthwise convolution of stride 1, undilated.

x (B, F, T, C), weight (C, KF, KT); bands and backward are `bands` of the weight and of the weight reversed along both
axes, made once for all shards. padding is (before, after) for bins and for frames, at most KF - 1 and KT - 1 each. The
result is (B, F', T', C).
"""


def _filter(x, bands, padding):
    """Convolves x (B, F, T, C) with the filters of band matrices (KF, C, n + KT - 1, n): (B, F', T', C)."""
    high, channels, rows, block = bands.shape
    bins = x.shape[1] + sum(padding[0]) - (high - 1)
    frames = x.shape[2] + sum(padding[1]) - (rows - block)
    views = _of_bins(_windows(x, padding, rows, block, -(-frames // block)), high, bins)
    y = functools.reduce(mx.add, [view @ matrices for view, matrices in zip(views, bands, strict=True)])
    return copied(y.reshape(channels, bins, len(x), -1)[..., :frames].transpose(2, 1, 3, 0))


def _windows(x, padding, length, step, count):
    """Copies windows of each channel and bin of x (B, F, T, C): (C, F + padding, B · count, length).

    Windows have `length` frames and begin `step` frames apart, the first with the padding; beyond x there are zeros.
    """
    batch, bins, frames, channels = x.shape
    bins += sum(padding[0])
    before, total = padding[1][0], (count - 1) * step + length
    edges = ((0, 0), padding[0], (0, 0), (before, total - before - frames))
    lines = mx.pad(_outermost(x).swapaxes(1, 2), edges)
    shape = (channels, bins, batch, count, length)
    view = mx.as_strided(lines, shape, (bins * batch * total, batch * total, total, step, 1))
    return copied(view).reshape(channels, bins, batch * count, length)


def _of_bins(windows, high, bins):
    """Returns views of windows (C, F + KF - 1, N, length) for each bin of a filter: KF times (C, F · N, length)."""
    channels, padded, count, length = windows.shape
    shape, strides = (channels, bins * count, length), (padded * count * length, length, 1)
    return [mx.as_strided(windows, shape, strides, first * count * length) for first in range(high)]


def _outermost(x):
    """Moves the channels in front, (..., C) → (C, ...).

    Few channels are moved by a product with the unit matrix, 32,000 × 128 values in 8 ms instead of 34 by MLX's copy.
    More of them, if they are a multiple of 64, first get _APART values behind each frame, 4,000 × 512 values in 4 ms
    instead of 17 (Xeon with AVX-512, one core).
    """
    channels = x.shape[-1]
    if channels > _FEW:
        if channels % 64 == 0:
            x = mx.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, _APART)])[..., :channels]
        return mx.moveaxis(x, -1, 0)
    return (mx.eye(channels, dtype=x.dtype) @ x.reshape(-1, channels).T).reshape(channels, *x.shape[:-1])
