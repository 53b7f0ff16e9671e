"""Convolutions over time with a filter for each channel, as products with banded matrices.

A block of n outputs of a channel is its window of n + K - 1 inputs times a band matrix, which has the K taps of the
channel's filter in every column. About half of the products are with zeros, but a BLAS computes all of them in less
time than MLX needs for K passes over memory, or for its own convolution, which goes tap by tap.
"""

from nnet.ops.binding import mx
from nnet.ops.gradients import WithGradient

LEAST_BLOCK = 16  # outputs of a block, for short filters


def bands(weight):
    """Makes the band matrices of filters (C, K): (C, n + K - 1, n), entry [c, i + k, i] = weight[c, k]."""
    channels, taps = weight.shape
    block = max(taps - 1, LEAST_BLOCK)
    rows = block + taps - 1
    wide = mx.pad(weight[:, ::-1], ((0, 0), (block - 1, block - 1)))
    upside_down = mx.as_strided(wide, (channels, rows, block), (wide.shape[1], 1, 1))
    return upside_down[:, ::-1]


def _forward(x, weight, bands, backward, *, padding):
    return _filter(x, bands, padding)


def _backward(arrays, dy, _, *, padding):
    x, weight, bands, backward = arrays
    (channels, taps), (_, rows, block) = weight.shape, bands.shape
    inputs = _windows(x, padding[0], rows, block, -(-dy.shape[1] // block))
    outputs = _windows(dy, 0, block, block, -(-dy.shape[1] // block))
    products = inputs.swapaxes(1, 2) @ outputs  # (C, n + K - 1, n)
    diagonals = mx.as_strided(products, (channels, taps, block), (rows * block, block, block + 1))
    dx = _filter(dy, backward, (taps - 1 - padding[0], taps - 1 - padding[1]))
    return dx, mx.sum(diagonals, axis=2), mx.zeros_like(bands), mx.zeros_like(backward)


depthwise = WithGradient(_forward, _backward)
depthwise.__doc__ = """depthwise(x, weight, bands, backward, padding=): a convolution of each channel over time.

x (B, T, C), weight (C, K); bands and backward are `bands` of the weight and of the reversed weight, made once for all
shards. padding is (before, after), each at most K - 1. The result is (B, T', C).
"""


def _filter(x, bands, padding):
    """Convolves x (B, T, C) with the filters of band matrices (C, n + K - 1, n): (B, T', C)."""
    channels, rows, block = bands.shape
    size = x.shape[1] + sum(padding) - (rows - block)
    y = _windows(x, padding[0], rows, block, -(-size // block)) @ bands
    return y.reshape(channels, len(x), -1)[:, :, :size].transpose(1, 2, 0)


def _windows(x, before, length, step, count):
    """Copies windows of each channel, the first of which begins `before` frames before x (B, T, C).

    Windows have `length` frames and begin `step` frames apart; beyond x there are zeros: (C, B · count, length).
    """
    batch, frames, channels = x.shape
    total = (count - 1) * step + length
    lines = mx.pad(x.transpose(2, 0, 1), ((0, 0), (0, 0), (before, total - before - frames)))
    view = mx.as_strided(lines, (channels, batch, count, length), (batch * total, total, step, 1))
    return view.reshape(channels, batch * count, length)
