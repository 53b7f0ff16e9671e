"""Convolutions with a filter for each channel, over maps and sequences, as products with banded matrices.

The output of a channel is cut into tiles. A tile is the patch of inputs that it depends on times a matrix that holds
the taps of the channel's filter in every column. More than half of the products are with zeros, but a BLAS computes all
of them in less time than MLX needs for a pass over memory per tap, or for its own convolution. A 3×3 filter over
128 channels takes 11 ns per output, its gradients 24 (Zen 3, one core, OpenBLAS); 2 × 8 outputs are the fastest tile.
"""

from nnet.ops.binding import mx
from nnet.ops.copies import copied, strided
from nnet.ops.gradients import WithGradient

_LEAST_FRAMES = 8  # of a tile, for short filters


def bands(weight):
    """Makes the matrices of filters (C, KF, KT) for tiles of (nF, nT) outputs: (C, nF+KF-1, nT+KT-1, nF, nT).

    [c, i + f, j + t, i, j] = weight[c, f, t], zero elsewhere.
    """
    channels, high, taps = weight.shape
    bins, frames = max(high - 1, 1), max(taps - 1, _LEAST_FRAMES)
    wide = mx.pad(weight, ((0, 0), (bins - 1, bins - 1), (frames - 1, frames - 1)))
    size, row = wide.shape[1] * wide.shape[2], wide.shape[2]
    shape = (channels, bins + high - 1, frames + taps - 1, bins, frames)
    return copied(mx.as_strided(wide, shape, (size, row, 1, row, 1))[..., ::-1, ::-1])


def _forward(x, weight, bands, backward, *, padding):
    return _filter(_frames_last(x), bands, padding)


def _backward(arrays, dy, _, *, padding):
    x, weight, bands, backward = arrays
    (channels, *taps), tile = weight.shape, bands.shape[3:]
    counts = _counts(dy.shape[1:3], tile)
    inputs = _patches(_frames_last(x), padding, bands.shape[1:3], tile, counts)
    dy = _frames_last(dy)
    outputs = _patches(dy, ((0, 0), (0, 0)), tile, tile, counts)
    products = (inputs.swapaxes(1, 2) @ outputs).reshape(bands.shape)
    whole, row, column, bin, frame = _strides(bands.shape)
    diagonals = (whole, row, column, row + bin, column + frame)
    slopes = mx.sum(mx.as_strided(products, (channels, *taps, *tile), diagonals), axis=(3, 4))
    back = [(k - 1 - before, k - 1 - after) for k, (before, after) in zip(taps, padding, strict=True)]
    return _filter(dy, backward, back), slopes, mx.zeros_like(bands), mx.zeros_like(backward)


depthwise = WithGradient(_forward, _backward)
depthwise.__doc__ = """depthwise(x, weight, bands, backward, padding=): a depthwise convolution of stride 1, undilated.

x (B, F, T, C), weight (C, KF, KT); bands and backward are `bands` of the weight and of the weight reversed along both
axes, made once for all shards. padding is (before, after) for bins and for frames, at most KF - 1 and KT - 1 each. The
result is (B, F', T', C).
"""


def _frames_last(x):
    """Copies x (B, F, T, C) to (B, F, C, T), bin by bin, so that the copy stays in the cache."""
    return mx.contiguous(x.swapaxes(2, 3))


def _filter(x, bands, padding):
    """Convolves x (B, F, C, T) with the filters of `bands`: (B, F', T', C)."""
    channels, high, wide, *tile = bands.shape
    size = [n + sum(p) - (patch - t) for n, p, patch, t in zip(x.shape[1::2], padding, (high, wide), tile, strict=True)]
    counts = _counts(size, tile)
    y = _patches(x, padding, (high, wide), tile, counts) @ bands.reshape(channels, high * wide, -1)
    y = y.reshape(channels, len(x), *counts, *tile).transpose(1, 2, 4, 3, 5, 0)
    y = mx.contiguous(y).reshape(len(x), counts[0] * tile[0], counts[1] * tile[1], channels)
    return y[:, : size[0], : size[1]]


def _counts(size, tile):
    """Returns the number of tiles over bins and frames."""
    return [-(-n // t) for n, t in zip(size, tile, strict=True)]


def _patches(x, padding, patch, tile, counts):
    """Copies patches of each channel of x (B, F, C, T), one every `tile`: (C, B · patches, values of a patch).

    The first one begins with the padding; beyond x there are zeros.
    """
    batch, bins, channels, frames = x.shape
    high, wide = ((n - 1) * t + p for n, t, p in zip(counts, tile, patch, strict=True))
    (below, _), (before, _) = padding
    edges = ((0, 0), (below, high - below - bins), (0, 0), (before, wide - before - frames))
    x = mx.pad(x, edges) if any(map(any, edges)) else x  # (B, high, C, wide)
    line = channels * wide
    strides = (wide, high * line, tile[0] * line, tile[1], line, 1)
    return strided(x, (channels, batch, *counts, *patch), strides).reshape(channels, -1, patch[0] * patch[1])


def _strides(shape):
    """Returns the strides of a contiguous array."""
    strides = [1]
    for size in reversed(shape[1:]):
        strides.insert(0, strides[0] * size)
    return strides
