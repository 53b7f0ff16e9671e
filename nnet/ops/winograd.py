"""Winograd's minimal filtering F(5, 3): five outputs of a 3-tap filter from seven products instead of fifteen.

Lavin and Gray 2016, "Fast algorithms for convolutional neural networks", eq. 8-13 and section 4.3, in one dimension
(over time, with dilation) or nested in two (49 products instead of 225). Five rather than the usual four, because the
maps of 80 or 40 bins have 80, 40, 20, 10 of them. The interpolation points are those with which float32 is most exact,
of all simple ones: 1.4e-6 of the outputs' size (root mean square, 64 channels), as with four outputs and the usual
points 0, ±1, ±2.

A map is held as planes (see `nnet.ops.tiles`), so that a transform is a product with one small matrix, and the
filter one product a plane. Planes are in the order of their frames, then of their bins. The seven rows of bins of a
tile lie one after the other already, so their transform reads them in place; only then are the frames of the tiles
copied out.
"""

import functools
import math

from nnet.ops.binding import mx
from nnet.ops.copies import copied, padded
from nnet.ops.gradients import WithGradient
from nnet.ops.tiles import SIDE, TAPS, TILE, cut, reach, tile_bins, tiling

_POINTS = (0, 1, -1, 1 / 2, -1 / 2, -3)  # and infinity


def filter_planes(weight):
    """U = G g Gᵀ: weight (O, 3 or 1, 3, C) → (49 or 7, C, O)."""
    return _weight_planes(weight).swapaxes(1, 2)


def backward_planes(weight):
    """The planes of the filter that takes a gradient back: weight (O, 3 or 1, 3, C) → (49 or 7, O, C)."""
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
    count = tiling(x.shape, num_planes, padding, dilation).count
    return _planes(x, "Bᵀ", cut(x.shape, count, SIDE, num_planes, padding, dilation))


def from_planes(products, shape, *bias, padding, dilation):
    """What the filter makes of x: (B, F', T', O) from the products (49 or 7, tiles, O) of `to_planes`.

    shape is that of x; bias (O,) is added.
    """
    num_planes = len(products)
    size, count, covered = tiling(shape, num_planes, padding, dilation)
    tiles = _transform("Aᵀ", products, tile_bins(num_planes))
    tiles = tiles.reshape(*tiles.shape[:2], *count, dilation, -1).transpose(2, 3, 1, 4, 0, 5, 6)
    y = tiles + bias[0] if bias else copied(tiles)  # (B, nF, 5 or 1, nT, 5, dilation, O)
    y = y.reshape(covered)
    return y if size == covered[1:3] else y[:, : size[0], : size[1]]


def _planes(x, name, cut):
    """The transforms of all tiles of x (B, F, T, C), which are cut like this: (49 or 7, tiles, C)."""
    channels = x.shape[3]
    matrix = _matrix(name)
    x = padded(x, *cut.padding)
    if cut.rows:
        x = _matrix(name, cut.rows[0][:2]) @ mx.as_strided(x, *cut.rows)  # (B, nF, 7, all frames)
    taps, side = cut.tiles[0][:2]
    planes = matrix @ copied(mx.as_strided(x, *cut.tiles)).reshape(taps, -1)
    return planes.reshape(SIDE * side, -1, channels)


def _transform(name, planes, columns):
    """A matrix of `_matrix` along the first axis, and along the second one if it is longer than 1.

    planes (n · columns, ...) or (n, columns, ...) → (m, m or 1, values of the rest).
    """
    matrix = _matrix(name)
    rows, taps = matrix.shape
    planes = (matrix @ planes.reshape(taps, -1)).reshape(rows, columns, -1)
    return planes if columns == 1 else _matrix(name, (rows,)) @ planes


@functools.lru_cache(maxsize=256)
def _matrix(name, batch=()):
    """A matrix of `_minimal_filtering`, repeated for a batch of these sizes."""
    matrix = mx.array(_minimal_filtering()[name], mx.float32)
    repeated = mx.broadcast_to(matrix, (*batch, *matrix.shape))
    mx.eval(repeated)  # now, because streams that come later cannot compute it
    return repeated


def _minimal_filtering():
    """Bᵀ (7, 7), G (7, 3), Aᵀ (5, 7), A and Gᵀ: y = Aᵀ((G g)(Bᵀ d)) for seven inputs d and three taps g.

    Toom and Cook: polynomials are multiplied by their values at the points, the last of which is their highest
    coefficient; d comes from transposing that product (Lavin and Gray, section 4).
    """
    others = [[q for q in _POINTS if q != p] for p in _POINTS]
    inputs = [[*_with_roots(roots), 0] for roots in others] + [_with_roots(_POINTS)]
    sizes = [math.prod(p - q for q in roots) for p, roots in zip(_POINTS, others, strict=True)]
    taps = [[p**k / size for k in range(TAPS)] for p, size in zip(_POINTS, sizes, strict=True)] + [[0, 0, 1]]
    outputs = [[*(p**i for p in _POINTS), float(i == TILE - 1)] for i in range(TILE)]
    turned = {"A": list(zip(*outputs, strict=True)), "Gᵀ": list(zip(*taps, strict=True))}
    return {"Bᵀ": inputs, "G": taps, "Aᵀ": outputs} | turned


def _with_roots(roots):
    """The coefficients of ∏ (x - root), constant first."""
    coefficients = [1.0]
    for root in roots:
        coefficients = [a - root * b for a, b in zip([0.0, *coefficients], [*coefficients, 0.0], strict=True)]
    return coefficients
