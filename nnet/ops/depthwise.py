"""Depthwise convolutions, where each output channel sees one input channel, as products with banded matrices.

MLX multiplies and adds element by element slowly on a CPU. With the channels outermost, a convolution of one channel is
a product of its map with a banded matrix of its taps, cut into tiles so that few of its numbers are zero.
"""

import math

from nnet.ops.binding import mx
from nnet.ops.gradients import WithGradient

_ROWS = 16  # most bins of a tile: many enough for fast products, few enough to multiply by few zeros

_FEW = 64  # channels


def _map_forward(x, weight, *, padding):
    axes = zip(x.shape[1:3], padding, weight.shape[1:3], strict=True)
    bins, frames = (size + sum(p) - taps + 1 for size, p, taps in axes)
    rows = _rows(bins)
    columns = _columns(x, rows, weight.shape[1:3], padding)
    total = None
    for matrix, view in zip(_banded(weight[..., 0].transpose(2, 0, 1), rows), columns, strict=True):
        product = matrix[:, None] @ view  # (C, tiles, rows, columns)
        total = product if total is None else total + product
    total = mx.unflatten(mx.flatten(total, 1, 2), 2, (len(x), -1))
    return total[:, :bins, :, :frames].transpose(2, 1, 3, 0) * 1.0


def _map_backward(arrays, dy, _, *, padding):
    x, weight = arrays
    taps, rows = weight.shape[1:3], _rows(dy.shape[1])
    back = tuple((k - 1 - before, k - 1 - after) for k, (before, after) in zip(taps, padding, strict=True))
    slopes = _outermost(dy).swapaxes(1, 2)  # (C, F', B, T'), zero where the columns are those of no output
    slopes = mx.pad(slopes, ((0, 0), (0, -dy.shape[1] % rows), (0, 0), (0, taps[1] - 1)))
    slopes = mx.unflatten(mx.flatten(slopes, 2), 1, (-1, rows))
    products = [slopes @ view.swapaxes(2, 3) for view in _columns(x, rows, taps, padding)]
    dweight = mx.stack([_band_sums(mx.sum(product, axis=1), taps[0]) for product in products], axis=2)
    return _map_forward(dy, weight[:, ::-1, ::-1], padding=back), dweight[..., None]


over_maps = WithGradient(_map_forward, _map_backward)
over_maps.__doc__ = """over_maps(x, weight, padding=): a depthwise convolution of stride 1 without dilation.

x (B, F, T, C), weight (C, KF, KT, 1) → (B, F', T', C). padding is (before, after) for bins and for frames, at most
KF - 1 and KT - 1 each.
"""


def _rows(bins):
    return math.ceil(bins / math.ceil(bins / _ROWS))


def _columns(x, rows, taps, padding):
    """Returns views of x (B, F, T, C) for each tap over time: (C, tiles, rows + KF - 1, B (T + padding)).

    The columns of all utterances are side by side; a tap moves them on by one.
    """
    batch, bins, frames, channels = x.shape
    (below, above), (before, after) = padding
    tiles = -(-(bins + below + above - taps[0] + 1) // rows)
    # One more row, since the last columns move on into it.
    high, wide = tiles * rows + taps[0], batch * (frames + before + after)
    x = mx.pad(_outermost(x).swapaxes(1, 2), ((0, 0), (below, high - bins - below), (0, 0), (before, after)))
    shape, strides = (channels, tiles, rows + taps[0] - 1, wide), (high * wide, rows * wide, wide, 1)
    return [mx.as_strided(x, shape, strides, tap) for tap in range(taps[1])]


def _time_forward(x, weight, *, padding):
    batch, frames = x.shape[0], x.shape[1] + sum(padding) - weight.shape[1] + 1
    tiles = _windows(x, weight.shape[1], padding) @ _banded(weight, weight.shape[1]).swapaxes(1, 2)
    return tiles.reshape(x.shape[2], batch, -1)[:, :, :frames].transpose(1, 2, 0) * 1.0


def _time_backward(arrays, dy, _, *, padding):
    x, weight = arrays
    taps = weight.shape[1]
    slopes = mx.pad(_outermost(dy), ((0, 0), (0, 0), (0, -dy.shape[1] % taps)))
    products = slopes.reshape(x.shape[2], -1, taps).swapaxes(1, 2) @ _windows(x, taps, padding)  # (C, taps, width)
    back = tuple(taps - 1 - n for n in padding)
    return _time_forward(dy, weight[:, ::-1], padding=back), _band_sums(products, taps)


over_time = WithGradient(_time_forward, _time_backward)
over_time.__doc__ = """over_time(x, weight, padding=): a depthwise convolution over time, of stride 1 without dilation.

x (B, T, C), weight (C, K) → (B, T', C). padding is (before, after), at most K - 1 each.
"""


def _windows(x, taps, padding):
    """Copies windows of 2 K - 1 frames, K from one to the next: x (B, T, C) → (C, B * tiles, 2 K - 1)."""
    batch, frames, channels = x.shape
    tiles = -(-(frames + sum(padding) - taps + 1) // taps)
    width = tiles * taps + taps - 1
    x = mx.pad(_outermost(x), ((0, 0), (0, 0), (padding[0], width - frames - padding[0])))
    view = mx.as_strided(x, (channels, batch, tiles, 2 * taps - 1), (batch * width, width, taps, 1))
    return (view * 1.0).reshape(channels, batch * tiles, -1)


def _outermost(x):
    """Moves the channels in front, (..., C) → (C, ...): as a product with ones, faster than MLX's copy where few."""
    channels = x.shape[-1]
    if channels > _FEW:
        return mx.moveaxis(x, -1, 0)
    return (mx.eye(channels, dtype=x.dtype) @ x.reshape(-1, channels).T).reshape(channels, *x.shape[:-1])


def _banded(taps, rows):
    """Returns matrices whose row r has the taps from column r on: (..., K) → (..., rows, rows + K - 1)."""
    *lead, count = taps.shape
    width = rows + count - 1
    line = mx.pad(taps, [(0, 0)] * len(lead) + [(0, rows)])  # one longer than a row, so that each row moves on by one
    lines = mx.broadcast_to(mx.expand_dims(line, -2), (*lead, rows, width + 1))
    return mx.flatten(lines, -2)[..., : rows * width].reshape(*lead, rows, width)


def _band_sums(matrices, taps):
    """Sums the diagonals where `_banded` has the taps: (C, rows, rows + K - 1) → (C, K)."""
    channels, rows, width = matrices.shape
    view = mx.as_strided(matrices, (channels, taps, rows), (rows * width, 1, width + 1))
    return mx.sum(view, axis=2)
