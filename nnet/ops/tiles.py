"""The tiling of a map for Winograd filtering: sizes and strides, computed once per shape.

A tile has 5 outputs and the 7 inputs that they depend on, so adjacent tiles overlap by two; tiles are over bins and
frames, or over frames only. For a dilated filter, frames `dilation` apart are adjacent: `dilation` frames are treated
as one frame with more channels. Tiles are stored as planes: a plane holds one position of all tiles.
"""

import functools
from collections import namedtuple

TILE = 5  # outputs
TAPS = 3
SIDE = TILE + TAPS - 1  # inputs

Tiling = namedtuple("Tiling", "size count covered")
Tiling.__doc__ = (
    """The output of a filter: its (bins, frames), its tiles (B, nF, nT), and the shape they cover (B, F, T, -1)."""
)

Cut = namedtuple("Cut", "padding rows tiles")
Cut.__doc__ = """The location of the tiles in a map. `rows` and `tiles` are each the shape and the strides of a view.

padding: zeros (before, after) the bins and the frames.
rows: rows of bins of the tiles, (B, nF, values per tile, all frames); None for tiles over time only.
tiles: frames of the tiles in these rows (or in the map), (values per tile, bins per tile, B, nF, nT, frame).
"""


def tile_bins(num_planes):
    """Returns the bins of a tile with 49 planes, or with 7 (over time only)."""
    return num_planes // SIDE


def reach(num_planes, dilation):
    """Returns the bins and frames of a filter's receptive field, minus 1 each."""
    return (TAPS - 1 if tile_bins(num_planes) > 1 else 0), (TAPS - 1) * dilation


@functools.lru_cache(maxsize=1024)
def tiling(shape, num_planes, padding, dilation):
    """Returns the Tiling of the output of a filter with 49 or 7 planes on a map (B, F, T, ...)."""
    more = reach(num_planes, dilation)
    bins, frames = (n + sum(p) - r for n, p, r in zip(shape[1:3], padding, more, strict=True))
    high, wide = tile_bins(num_planes) - more[0], TILE * dilation  # outputs per tile
    rows, columns = -(-bins // high), -(-frames // wide)
    return Tiling((bins, frames), (shape[0], rows, columns), (shape[0], rows * high, columns * wide, -1))


@functools.lru_cache(maxsize=1024)
def cut(shape, count, taps, num_planes, padding, dilation):
    """Returns the Cut of a map (B, F, T, C) into `count` tiles of `taps` values: SIDE for inputs, TILE for outputs."""
    _, bins, frames, channels = shape
    batch, side = count[0], tile_bins(num_planes)
    high = TILE * (count[1] - 1) + taps if side > 1 else bins
    wide = (TILE * (count[2] - 1) + taps) * dilation
    (below, _), (before, _) = padding
    frame, row = dilation * channels, wide * channels
    rows = ((batch, count[1], taps, row), (high * row, TILE * row, row, 1)) if side > 1 else None
    tiles = (taps, side, *count, frame), (frame, row, count[1] * side * row, side * row, TILE * frame, 1)
    return Cut(((below, high - bins - below), (before, wide - frames - before)), rows, tiles)
