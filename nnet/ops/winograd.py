"""Winograd's minimal filtering F(5, 3): five outputs of a 3-tap filter from seven products instead of fifteen.

Lavin and Gray 2016, "Fast algorithms for convolutional neural networks", eq. 8-13 and section 4.3, in one dimension
(over time, with dilation) or nested in two (49 products instead of 225). Tiles have five outputs rather than the usual
four, because maps have 80, 40, 20 or 10 bins. The interpolation points are the most accurate simple ones in float32:
an error of 1.4e-6 relative to the outputs (root mean square, 64 channels), the same as with four outputs and the usual
points 0, ±1, ±2.

A map is stored as planes (see `nnet.ops.tiles`), so that a transform is a product with one small matrix, and the
filter one product per plane. Planes are ordered by frames, then by bins. The seven rows of bins of a tile are adjacent
in memory, so their transform reads them in place; the frames of the tiles are copied after it.
"""

import functools
import math

from nnet.ops.binding import mx
from nnet.ops.copies import copied, moved, padded
from nnet.ops.gradients import WithGradient
from nnet.ops.tiles import SIDE, TAPS, TILE, cut, reach, tile_bins, tiling

_POINTS = (0, 1, -1, 1 / 2, -1 / 2, -3)  # and infinity


def filter_planes(weight):
    """Transforms a filter, U = G g Gᵀ: weight (O, 3 or 1, 3, C) → (49 or 7, C, O)."""
    return _weight_planes(weight).swapaxes(1, 2)


def backward_planes(weight):
    """Transforms the filter of the input's gradient: weight (O, 3 or 1, 3, C) → (49 or 7, O, C)."""
    return _weight_planes(weight[:, ::-1, ::-1])


def _weight_planes(weight):
    outputs, bins, _, channels = weight.shape
    return _transform("G", copied(weight.transpose(2, 1, 0, 3)), bins).reshape(-1, outputs, channels)


def _forward(x, weight, planes, backward, *bias, padding, dilation):
    return _filter(x, planes, padding, dilation, *bias).astype(x.dtype)


def _backward(arrays, dy, _, *, padding, dilation):
    x, weight, planes, backward, *bias = arrays
    count = tiling(x.shape, len(planes), padding, dilation).count
    inputs = to_planes(x, len(planes), padding, dilation)
    outputs = _planes(dy, "A", cut(dy.shape, count, TILE, len(planes), ((0, 0), (0, 0)), dilation))
    products = outputs.swapaxes(1, 2) @ inputs  # (49 or 7, O, C)
    taps = _transform("Gᵀ", products, tile_bins(len(planes)))
    dweight = copied(taps.reshape(3, weight.shape[1], *weight.shape[::3]).transpose(2, 1, 0, 3))
    more = reach(len(planes), dilation)
    back = tuple((r - before, r - after) for r, (before, after) in zip(more, padding, strict=True))
    dx = _filter(dy, backward, back, dilation)
    return dx, dweight, mx.zeros_like(planes), mx.zeros_like(backward), *[mx.sum(dy, (0, 1, 2)) for _ in bias]


filtered = WithGradient(_forward, _backward)
filtered.__doc__ = """filtered(x, weight, planes, backward[, bias], padding=, dilation=): a convolution of stride 1.

x (B, F, T, C), weight (O, 3, 3, C), or (O, 1, 3, C) for time only; planes and backward are `filter_planes` and
`backward_planes` of the weight, made once for all shards; bias (O,). padding is (before, after) for bins and for
frames, at most the reach of the filter; dilation is over time. The result is (B, F', T', O).
"""


def _filter(x, planes, padding, dilation, *bias):
    """Convolves x (B, F, T, C) with filter planes (49 or 7, C, O) [+ bias (O,)]."""
    products = to_planes(x, len(planes), padding, dilation) @ planes
    return from_planes(products, x.shape, *bias, padding=padding, dilation=dilation)


def to_planes(x, num_planes, padding, dilation):
    """Transforms the tiles of x (B, F, T, C) for a filter with 49 or 7 planes: (49 or 7, tiles, C)."""
    count = tiling(x.shape, num_planes, padding, dilation).count
    return _planes(x, "Bᵀ", cut(x.shape, count, SIDE, num_planes, padding, dilation))


def from_planes(products, shape, *bias, padding, dilation):
    """Transforms the products (49 or 7, tiles, O) into the outputs (B, F', T', O) and adds the bias (O,).

    Args:
        shape: shape of the input x of `to_planes`.
    """
    num_planes = len(products)
    size, count, covered = tiling(shape, num_planes, padding, dilation)
    tiles = _transform("Aᵀ", products, tile_bins(num_planes))
    tiles = tiles.reshape(*tiles.shape[:2], *count, dilation, -1)
    y = moved(tiles, (2, 3, 1, 4, 0, 5, 6)).reshape(covered)  # (B, nF, 5 or 1, nT, 5, dilation, O) before
    y = y + bias[0] if bias else y
    return y if size == covered[1:3] else y[:, : size[0], : size[1]]


def _planes(x, name, cut):
    """Transforms all tiles of x (B, F, T, C), located by a Cut: (49 or 7, tiles, C)."""
    channels = x.shape[3]
    matrix = _matrix(name)
    x = padded(x, *cut.padding)
    if cut.rows:
        x = _matrix(name, cut.rows[0][:2]) @ mx.as_strided(x, *cut.rows)  # (B, nF, 7, all frames)
    taps, side = cut.tiles[0][:2]
    planes = matrix @ copied(mx.as_strided(x, *cut.tiles)).reshape(taps, -1)
    return planes.reshape(SIDE * side, -1, channels)


def _transform(name, planes, columns):
    """Applies a matrix of `_matrix` along the first axis, and along the second one if it is longer than 1.

    planes (n · columns, ...) or (n, columns, ...) → (m, m or 1, values of the rest).
    """
    matrix = _matrix(name)
    rows, taps = matrix.shape
    planes = (matrix @ planes.reshape(taps, -1)).reshape(rows, columns, -1)
    return planes if columns == 1 else _matrix(name, (rows,)) @ planes


@functools.lru_cache(maxsize=256)
def _matrix(name, batch=()):
    """Returns a matrix of `_minimal_filtering`, broadcast to the batch axes `batch`."""
    matrix = mx.array(_minimal_filtering()[name], mx.float32)
    repeated = mx.broadcast_to(matrix, (*batch, *matrix.shape))
    mx.eval(repeated)  # evaluated now, because streams created later cannot evaluate it
    return repeated


def _minimal_filtering():
    """Returns Bᵀ (7, 7), G (7, 3), Aᵀ (5, 7), A and Gᵀ of y = Aᵀ((G g)(Bᵀ d)), for seven inputs d and three taps g.

    By Toom-Cook multiplication: polynomials are multiplied through their values at the points, where the value at
    infinity is the highest coefficient; the matrices for filtering are the transpose (Lavin and Gray, section 4).
    """
    others = [[q for q in _POINTS if q != p] for p in _POINTS]
    inputs = [[*_with_roots(roots), 0] for roots in others] + [_with_roots(_POINTS)]
    sizes = [math.prod(p - q for q in roots) for p, roots in zip(_POINTS, others, strict=True)]
    taps = [[p**k / size for k in range(TAPS)] for p, size in zip(_POINTS, sizes, strict=True)] + [[0, 0, 1]]
    outputs = [[*(p**i for p in _POINTS), float(i == TILE - 1)] for i in range(TILE)]
    turned = {"A": list(zip(*outputs, strict=True)), "Gᵀ": list(zip(*taps, strict=True))}
    return {"Bᵀ": inputs, "G": taps, "Aᵀ": outputs} | turned


def _with_roots(roots):
    """Returns the coefficients of ∏ (x - root), constant first."""
    coefficients = [1.0]
    for root in roots:
        coefficients = [a - root * b for a, b in zip([0.0, *coefficients], [*coefficients, 0.0], strict=True)]
    return coefficients
