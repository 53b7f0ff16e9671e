"""Winograd's minimal filtering F(4, 3): four outputs of a 3-tap filter from six products instead of twelve.

Lavin and Gray 2016, "Fast algorithms for convolutional neural networks", eq. 8-13 and section 4.3, in one dimension
(over time, with dilation) or nested in two (36 products instead of 144). With the interpolation points 0, ±1, ±2 the
error stays near 1e-5 relative.

A map is cut into tiles of six values that overlap by two, and held as planes: a plane has one position of all tiles,
so that a transform is a product with one small matrix, and the filter one product a plane. Planes are in the order of
their frames, then of their bins. The six rows of bins of a tile lie one after the other already, so their transform
reads them in place; only then are the frames of the tiles copied out.
"""

import functools

from nnet.compute import mx
from nnet.compute.copies import copied, padded
from nnet.compute.operation import Operation

TILE = 4

_MATRICES = {
    "Bᵀ": [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    "G": [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    "Aᵀ": [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ],
}
_MATRICES["A"] = list(zip(*_MATRICES["Aᵀ"], strict=True))
_MATRICES["Gᵀ"] = list(zip(*_MATRICES["G"], strict=True))


def filter_planes(weight):
    """U = G g Gᵀ: weight (O, 3 or 1, 3, C) → (36 or 6, O, C)."""
    outputs, _, _, channels = weight.shape
    return _transform("G", copied(weight.transpose(2, 1, 0, 3))).reshape(-1, outputs, channels)


def backward_planes(weight):
    """The planes of the filter that takes a gradient back: weight (O, 3 or 1, 3, C) → (36 or 6, O, C)."""
    return filter_planes(weight[:, ::-1, ::-1])


def _forward(x, weight, planes, backward, *bias, padding, dilation):
    return _filter(x, planes.swapaxes(1, 2), padding, dilation, *bias).astype(x.dtype)


def _backward(arrays, dy, _, *, padding, dilation):
    x, weight, planes, backward, *bias = arrays
    count = _tile_counts(dy.shape, len(planes), dilation)
    inputs = _planes(x, "Bᵀ", len(planes), padding, dilation, count)
    outputs = _planes(dy, "A", len(planes), ((0, 0), (0, 0)), dilation, count)
    products = outputs.swapaxes(1, 2) @ inputs  # (36 or 6, O, C)
    taps = _transform("Gᵀ", products.reshape(*_sides(len(planes)), -1))
    dweight = copied(taps.reshape(3, weight.shape[1], *weight.shape[::3]).transpose(2, 1, 0, 3))
    reach = (weight.shape[1] - 1, 2 * dilation)
    back = [(r - before, r - after) for r, (before, after) in zip(reach, padding, strict=True)]
    dx = _filter(dy, backward, back, dilation)
    return dx, dweight, mx.zeros_like(planes), mx.zeros_like(backward), *[mx.sum(dy, (0, 1, 2)) for _ in bias]


filtered = Operation(_forward, _backward)
filtered.__doc__ = """filtered(x, weight, planes, backward[, bias], padding=, dilation=): a convolution of stride 1.

x (B, F, T, C), weight (O, 3, 3, C), or (O, 1, 3, C) for time alone; planes and backward are `filter_planes` and
`backward_planes` of the weight, made once for all shards; bias (O,). padding is (before, after) the bins and the
frames, no more than the filter reaches; dilation is that of time. Result (B, F', T', O).
"""


def _filter(x, planes, padding, dilation, bias=None):
    """The convolution of x (B, F, T, C) with filter planes (36 or 6, C, O) [+ bias (O,)]."""
    batch, bins, frames, _ = x.shape
    size = (bins + sum(padding[0]) - 2 * (len(planes) == 36), frames + sum(padding[1]) - 2 * dilation)
    count = _tile_counts((batch, *size), len(planes), dilation)
    products = _planes(x, "Bᵀ", len(planes), padding, dilation, count) @ planes
    tiles = _transform("Aᵀ", products.reshape(*_sides(len(planes)), -1))
    tiles = tiles.reshape(*tiles.shape[:2], batch, *count, dilation, -1).transpose(2, 3, 1, 4, 0, 5, 6)
    y = copied(tiles) if bias is None else tiles + bias  # (B, nF, 4 or 1, nT, 4, dilation, O)
    y = y.reshape(batch, y.shape[1] * y.shape[2], -1, planes.shape[2])
    return y if y.shape[1:3] == size else y[:, : size[0], : size[1]]


def _planes(x, name, num_planes, padding, dilation, count):
    """The transforms of all tiles of x (B, F, T, C): (36 or 6, tiles, C).

    Frames `dilation` apart are neighbours to a dilated filter, so `dilation` frames count as one with more channels.
    """
    batch, bins, frames, channels = x.shape
    matrix = _matrix(name)
    taps = matrix.shape[1]
    tiles = TILE * (count[1] - 1) + taps
    after = tiles * dilation - frames - padding[1][0]
    high = TILE * (count[0] - 1) + taps if num_planes == 36 else bins
    x = padded(x, (padding[0][0], high - bins - padding[0][0]), (padding[1][0], after))
    frame, row = dilation * channels, tiles * dilation * channels
    if num_planes == 36:
        rows = mx.as_strided(x, (batch, count[0], taps, row), (high * row, TILE * row, row, 1))
        x = matrix @ rows  # (B, count, 6, row)
    side = len(matrix) if num_planes == 36 else 1
    shape = (taps, side, batch, *count, frame)
    strides = (frame, row, count[0] * side * row, side * row, TILE * frame, 1)
    return (matrix @ copied(mx.as_strided(x, shape, strides)).reshape(taps, -1)).reshape(num_planes, -1, channels)


def _tile_counts(shape, num_planes, dilation):
    """How many tiles cover the bins and frames of an output (B, F', T', ...)."""
    return (-(-shape[1] // TILE) if num_planes == 36 else shape[1]), -(-shape[2] // (TILE * dilation))


def _sides(num_planes):
    return (6, 6) if num_planes == 36 else (6, 1)


def _transform(name, planes):
    """A matrix of `_MATRICES` along the first axis, and along the second one if it is longer than 1.

    planes (n, n or 1, ...) → (m, m or 1, values of the rest).
    """
    matrix = _matrix(name)
    rows, columns = planes.shape[:2]
    planes = (matrix @ planes.reshape(rows, -1)).reshape(len(matrix), columns, -1)
    return planes if columns == 1 else matrix @ planes


@functools.cache
def _matrix(name):
    return mx.array(_MATRICES[name], mx.float32)
