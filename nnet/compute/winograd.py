"""Winograd's minimal filtering F(5, 3): five outputs of a 3-tap filter from seven products instead of fifteen.

Lavin and Gray 2016, "Fast algorithms for convolutional neural networks", eq. 8-13 and section 4.3, in one dimension
(over time, with dilation) or nested in two (49 products instead of 225). Five rather than the usual four, because the
maps of 80 or 40 bins have 80, 40, 20, 10 of them. The interpolation points are those with which float32 is most exact,
of all simple ones: 1.4e-6 of the outputs' size (root mean square, 64 channels), as with four outputs and the usual
points 0, ±1, ±2.

A map is cut into tiles of seven values that overlap by two, and held as planes: a plane has one position of all tiles,
so that a transform is a product with one small matrix, and the filter one product a plane. Planes are in the order of
their frames, then of their bins. The seven rows of bins of a tile lie one after the other already, so their transform
reads them in place; only then are the frames of the tiles copied out.
"""

import functools
import math

from nnet.compute import mx
from nnet.compute.copies import copied, padded
from nnet.compute.operation import Operation

TILE = 5  # outputs
_TAPS = 3
_SIDE = TILE + _TAPS - 1  # inputs
_POINTS = (0, 1, -1, 1 / 2, -1 / 2, -3)  # and infinity


def filter_planes(weight):
    """U = G g Gᵀ: weight (O, 3 or 1, 3, C) → (49 or 7, O, C)."""
    outputs, _, _, channels = weight.shape
    return _transform("G", copied(weight.transpose(2, 1, 0, 3))).reshape(-1, outputs, channels)


def backward_planes(weight):
    """The planes of the filter that takes a gradient back: weight (O, 3 or 1, 3, C) → (49 or 7, O, C)."""
    return filter_planes(weight[:, ::-1, ::-1])


def _forward(x, weight, planes, backward, *bias, padding, dilation):
    return _filter(x, planes.swapaxes(1, 2), padding, dilation, *bias).astype(x.dtype)


def _backward(arrays, dy, _, *, padding, dilation):
    x, weight, planes, backward, *bias = arrays
    count = _tile_counts(dy.shape, len(planes), dilation)
    inputs = to_planes(x, len(planes), padding, dilation)
    outputs = _planes(dy, "A", len(planes), ((0, 0), (0, 0)), dilation, count)
    products = outputs.swapaxes(1, 2) @ inputs  # (49 or 7, O, C)
    taps = _transform("Gᵀ", products.reshape(_SIDE, _tile_bins(len(planes)), -1))
    dweight = copied(taps.reshape(3, weight.shape[1], *weight.shape[::3]).transpose(2, 1, 0, 3))
    reach = _reach(len(planes), dilation)
    back = tuple((r - before, r - after) for r, (before, after) in zip(reach, padding, strict=True))
    dx = _filter(dy, backward, back, dilation)
    return dx, dweight, mx.zeros_like(planes), mx.zeros_like(backward), *[mx.sum(dy, (0, 1, 2)) for _ in bias]


filtered = Operation(_forward, _backward)
filtered.__doc__ = """filtered(x, weight, planes, backward[, bias], padding=, dilation=): a convolution of stride 1.

x (B, F, T, C), weight (O, 3, 3, C), or (O, 1, 3, C) for time alone; planes and backward are `filter_planes` and
`backward_planes` of the weight, made once for all shards; bias (O,). padding is (before, after) the bins and the
frames, no more than the filter reaches; dilation is that of time. Result (B, F', T', O).
"""


def _filter(x, planes, padding, dilation, *bias):
    """The convolution of x (B, F, T, C) with filter planes (49 or 7, C, O) [+ bias (O,)]."""
    products = to_planes(x, len(planes), padding, dilation) @ planes
    return from_planes(products, x.shape, *bias, padding=padding, dilation=dilation)


def to_planes(x, num_planes, padding, dilation):
    """The tiles of x (B, F, T, C) as a filter of 49 or 7 planes takes them: (49 or 7, tiles, C)."""
    count = _tile_counts(_output_shape(x.shape, num_planes, padding, dilation), num_planes, dilation)
    return _planes(x, "Bᵀ", num_planes, padding, dilation, count)


def from_planes(products, shape, *bias, padding, dilation):
    """What the filter makes of x: (B, F', T', O) from the products (49 or 7, tiles, O) of `to_planes`.

    shape is that of x; bias (O,) is added.
    """
    batch, *size = _output_shape(shape, len(products), padding, dilation)
    count = _tile_counts((batch, *size), len(products), dilation)
    tiles = _transform("Aᵀ", products.reshape(_SIDE, _tile_bins(len(products)), -1))
    tiles = tiles.reshape(*tiles.shape[:2], batch, *count, dilation, -1).transpose(2, 3, 1, 4, 0, 5, 6)
    y = tiles + bias[0] if bias else copied(tiles)  # (B, nF, 5 or 1, nT, 5, dilation, O)
    y = y.reshape(batch, y.shape[1] * y.shape[2], -1, products.shape[2])
    return y if list(y.shape[1:3]) == size else y[:, : size[0], : size[1]]


def num_tiles(shape, num_planes, padding, dilation):
    """How many tiles cover what a filter of 49 or 7 planes makes of x of a shape (B, F, T, C)."""
    output = _output_shape(shape, num_planes, padding, dilation)
    return output[0] * math.prod(_tile_counts(output, num_planes, dilation))


def _planes(x, name, num_planes, padding, dilation, count):
    """The transforms of all tiles of x (B, F, T, C): (49 or 7, tiles, C).

    Frames `dilation` apart are neighbours to a dilated filter, so `dilation` frames count as one with more channels.
    """
    batch, bins, frames, channels = x.shape
    matrix = _matrix(name)
    taps = matrix.shape[1]
    tiles = TILE * (count[1] - 1) + taps
    after = tiles * dilation - frames - padding[1][0]
    nested = _tile_bins(num_planes) > 1
    high = TILE * (count[0] - 1) + taps if nested else bins
    x = padded(x, (padding[0][0], high - bins - padding[0][0]), (padding[1][0], after))
    frame, row = dilation * channels, tiles * dilation * channels
    if nested:
        rows = mx.as_strided(x, (batch, count[0], taps, row), (high * row, TILE * row, row, 1))
        x = matrix @ rows  # (B, count, 7, row)
    side = len(matrix) if nested else 1
    shape = (taps, side, batch, *count, frame)
    strides = (frame, row, count[0] * side * row, side * row, TILE * frame, 1)
    return (matrix @ copied(mx.as_strided(x, shape, strides)).reshape(taps, -1)).reshape(num_planes, -1, channels)


@functools.lru_cache(maxsize=1024)
def _output_shape(shape, num_planes, padding, dilation):
    """(B, F', T') for x of a shape (B, F, T, C)."""
    reach = _reach(num_planes, dilation)
    return (shape[0], *(n + sum(p) - r for n, p, r in zip(shape[1:3], padding, reach, strict=True)))


@functools.lru_cache(maxsize=1024)
def _tile_counts(shape, num_planes, dilation):
    """How many tiles cover the bins and frames of an output (B, F', T', ...)."""
    return (-(-shape[1] // TILE) if _tile_bins(num_planes) > 1 else shape[1]), -(-shape[2] // (TILE * dilation))


def _tile_bins(num_planes):
    """Bins of a tile: 7, or 1 for a filter over time alone."""
    return num_planes // _SIDE


def _reach(num_planes, dilation):
    """How many bins and frames more than one a filter sees."""
    return (_TAPS - 1 if _tile_bins(num_planes) > 1 else 0), (_TAPS - 1) * dilation


def _transform(name, planes):
    """A matrix of `_matrix` along the first axis, and along the second one if it is longer than 1.

    planes (n, n or 1, ...) → (m, m or 1, values of the rest).
    """
    matrix = _matrix(name)
    rows, columns = planes.shape[:2]
    planes = (matrix @ planes.reshape(rows, -1)).reshape(len(matrix), columns, -1)
    return planes if columns == 1 else matrix @ planes


@functools.cache
def _matrix(name):
    return mx.array(_minimal_filtering()[name], mx.float32)


def _minimal_filtering():
    """Bᵀ (7, 7), G (7, 3), Aᵀ (5, 7), A and Gᵀ: y = Aᵀ((G g)(Bᵀ d)) for seven inputs d and three taps g.

    Toom and Cook: polynomials are multiplied by their values at the points, the last of which is their highest
    coefficient; d comes from transposing that product (Lavin and Gray, section 4).
    """
    others = [[q for q in _POINTS if q != p] for p in _POINTS]
    inputs = [[*_with_roots(roots), 0] for roots in others] + [_with_roots(_POINTS)]
    sizes = [math.prod(p - q for q in roots) for p, roots in zip(_POINTS, others, strict=True)]
    taps = [[p**k / size for k in range(_TAPS)] for p, size in zip(_POINTS, sizes, strict=True)] + [[0, 0, 1]]
    outputs = [[*(p**i for p in _POINTS), float(i == TILE - 1)] for i in range(TILE)]
    turned = {"A": list(zip(*outputs, strict=True)), "Gᵀ": list(zip(*taps, strict=True))}
    return {"Bᵀ": inputs, "G": taps, "Aᵀ": outputs} | turned


def _with_roots(roots):
    """The coefficients of ∏ (x - root), constant first."""
    coefficients = [1.0]
    for root in roots:
        coefficients = [a - root * b for a, b in zip([0.0, *coefficients], [*coefficients, 0.0], strict=True)]
    return coefficients
