"""How a map is cut into tiles for Winograd's filtering: sizes and strides, worked out once for each shape of a map.

A tile has 5 outputs and the 7 inputs that they need, so that neighbors overlap by two; over bins and frames, or over
frames alone. Frames `dilation` apart are neighbors to a dilated filter: `dilation` frames count as one with more
channels. Tiles are held as planes: a plane has one position of all tiles.
"""

import functools
from collections import namedtuple

TILE = 5  # outputs
TAPS = 3
SIDE = TILE + TAPS - 1  # inputs

Tiling = namedtuple("Tiling", "size count covered")
Tiling.__doc__ = """What a filter makes of a map: (bins, frames), tiles (B, nF, nT), what they cover: (B, F, T, -1)."""

Cut = namedtuple("Cut", "padding rows tiles")
Cut.__doc__ = """Where the tiles of a map are. `rows` and `tiles` are the shape and the strides of a view.

padding: zeros (before, after) its bins and its frames.
rows: the rows of bins that tiles consist of, (B, nF, values of a tile, all frames); None for tiles over time alone.
tiles: the frames of tiles in these (or in the map), (values of a tile, bins of a tile, B, nF, nT, a frame).
"""


def tile_bins(num_planes):
    """The bins of a tile of 49 planes, or of 7, which are over time alone."""
    return num_planes // SIDE


def reach(num_planes, dilation):
    """How many bins and frames more than one a filter of so many planes sees."""
    return (TAPS - 1 if tile_bins(num_planes) > 1 else 0), (TAPS - 1) * dilation


@functools.lru_cache(maxsize=1024)
def tiling(shape, num_planes, padding, dilation):
    """The Tiling of what a filter of 49 or 7 planes makes of a map (B, F, T, ...)."""
    more = reach(num_planes, dilation)
    bins, frames = (n + sum(p) - r for n, p, r in zip(shape[1:3], padding, more, strict=True))
    high, wide = tile_bins(num_planes) - more[0], TILE * dilation  # of the outputs of a tile
    rows, columns = -(-bins // high), -(-frames // wide)
    return Tiling((bins, frames), (shape[0], rows, columns), (shape[0], rows * high, columns * wide, -1))


@functools.lru_cache(maxsize=1024)
def cut(shape, count, taps, num_planes, padding, dilation):
    """The Cut of a map (B, F, T, C) into `count` tiles of `taps` values: SIDE of what is filtered, TILE of outputs."""
    _, bins, frames, channels = shape
    batch, side = count[0], tile_bins(num_planes)
    high = TILE * (count[1] - 1) + taps if side > 1 else bins
    wide = (TILE * (count[2] - 1) + taps) * dilation
    (below, _), (before, _) = padding
    frame, row = dilation * channels, wide * channels
    rows = ((batch, count[1], taps, row), (high * row, TILE * row, row, 1)) if side > 1 else None
    tiles = (taps, side, *count, frame), (frame, row, count[1] * side * row, side * row, TILE * frame, 1)
    return Cut(((below, high - bins - below), (before, wide - frames - before)), rows, tiles)
