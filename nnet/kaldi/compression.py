"""Compressed Kaldi matrices, bit for bit as matrix/compressed-matrix.cc computes them.

`CM` stores one byte per element, column by column, each column scaled by its four percentiles. `CM2` and `CM3` store
two bytes and one byte per element, row by row, scaled by the range of the whole matrix. After the token, all three
start with the same 16 bytes: minimum and range (float32), rows and columns (int32).
"""

import struct

import numpy as np

from nnet.rows import blocks_of, read_at, scratch, write_at

GLOBAL_HEADER = struct.Struct("<ffii")
COLUMN_HEADER_BYTES = 8  # four percentiles as uint16
ELEMENT_BYTES = {"CM": 1, "CM2": 2, "CM3": 1}
ROWS_AT_ONCE = 1 << 14

_ONE_65535TH = np.float32(1.52590218966964e-05)
_CODES = np.arange(256, dtype=np.float32)
_QUARTER, _HALF = _CODES[:65] / 64, _CODES[1:129] / 128


def decode_percentiles(data, least, span):
    """Decodes the four percentiles of each column.

    Args:
        data: bytes, 8 per column.
        least, span: float32, minimum and range of the matrix.

    Returns:
        float32 `(columns, 4)`.
    """
    levels = np.frombuffer(data, "<u2").reshape(-1, 4).astype(np.float32)
    return np.float32(least) + np.float32(span) * _ONE_65535TH * levels


def decode_columns(codes, percentiles):
    """Decodes a `CM` matrix.

    Args:
        codes: uint8 `(columns, rows)`, in the order of the file; any strides.
        percentiles: float32 `(columns, 4)`.

    Returns:
        float32 `(rows, columns)`, C order.
    """
    columns, rows = codes.shape
    values = np.empty((rows, columns), np.float32)
    index = np.add(codes.T, np.arange(columns, dtype=np.intp) * 256, dtype=np.intp, order="C")
    # No index is out of range; any mode but "raise" saves a copy, and "wrap" is twice as fast as "clip".
    np.take(_decoding_table(percentiles), index, out=values, mode="wrap")
    return values


def _decoding_table(percentiles):
    """Returns float32 `(columns, 256)`: the value of each byte in each column (Kaldi's CharToFloat)."""
    p0, p25, p75, p100 = (percentiles[:, i, None] for i in range(4))
    table = np.empty((len(percentiles), 256), np.float32)
    # Scaling by a power of two is exact, so float32 equals Kaldi's double product; 1/63 needs float64.
    for part, shares, least, greatest in ((table[:, :65], _QUARTER, p0, p25), (table[:, 65:193], _HALF, p25, p75)):
        np.multiply(greatest - least, shares, out=part)
        part += least
    table[:, 193:] = p75 + ((p100 - p75) * _CODES[1:64]).astype(np.float64) * (1 / 63)
    return table


def decode_linear(codes, kind, least, span):
    """Decodes a `CM2` (uint16) or `CM3` (uint8) matrix to float32 of the same shape."""
    steps = 65535.0 if kind == "CM2" else 255.0
    return np.float32(least) + codes.astype(np.float32) * np.float32(float(np.float32(span)) * (1.0 / steps))


def encode(matrix):
    """Compresses a matrix as Kaldi does by default: `CM` for more than 8 rows, else `CM2`.

    Args:
        matrix: float32 `(rows, columns)`, finite.

    Returns:
        bytes, from the token on (without the binary mark).
    """
    rows, columns = matrix.shape
    if matrix.size == 0:
        return b"CM " + GLOBAL_HEADER.pack(0.0, 0.0, 0, 0)
    least, span = _range(matrix.min(), matrix.max())
    header = GLOBAL_HEADER.pack(least, span, rows, columns)
    if rows > 8:
        levels, percentiles = _levels(matrix.T, least, span)
        codes = np.empty(matrix.shape[::-1], np.uint8)
        for first in range(0, rows, ROWS_AT_ONCE):  # a long matrix needs no intermediate results of its length
            codes[:, first : first + ROWS_AT_ONCE] = _to_codes(matrix[first : first + ROWS_AT_ONCE], percentiles).T
        return b"CM " + header + levels + codes.tobytes()
    return b"CM2 " + header + _to_uint16(matrix, least, span).astype("<u2").tobytes()


def _to_uint16(values, least, span):
    share = np.clip((values - least) / span, np.float32(0), np.float32(1))
    return ((share * np.float32(65535)).astype(np.float64) + 0.499).astype(np.int32)


def write_rows(file, rows):
    """Writes a matrix that may be longer than memory, with the same bytes as `encode` gives.

    The scale of each column needs its percentiles, and the file holds one column after another. So the matrix is first
    turned into columns in a temporary file; then there is one column in memory, twice.

    Args:
        file: binary file.
        rows: LongRows of two dimensions, with more than 8 rows.
    """
    columns = _Columns(rows)
    least, span = _range(columns.least, columns.greatest)
    levels, percentiles = _levels(columns, least, span)
    file.write(b"CM " + GLOBAL_HEADER.pack(least, span, *rows.shape) + levels)
    for column, own in zip(columns, percentiles, strict=True):
        for first in range(0, len(column), ROWS_AT_ONCE):
            file.write(_to_codes(column[first : first + ROWS_AT_ONCE, None], own[None]).tobytes())


class _Columns:
    """Columns of a matrix in a temporary file, read one after another, any number of times.

    Attributes:
        least, greatest: float32, of all values.
    """

    def __init__(self, rows):
        self._count, self._dim = rows.shape
        self._file, place = scratch(), 0
        self.least, self.greatest = np.float32(np.inf), np.float32(-np.inf)
        for block in blocks_of(rows):
            self.least, self.greatest = min(self.least, block.min()), max(self.greatest, block.max())
            for i, part in enumerate(np.ascontiguousarray(block.T)):
                write_at(self._file, part, 4 * (i * self._count + place))
            place += len(block)

    def __iter__(self):
        return (read_at(self._file, self._count, 4 * i * self._count) for i in range(self._dim))


def _range(least, greatest):
    """Returns the least value and the range, float32."""
    if greatest == least:
        greatest = np.float32(float(least) + (1.0 + abs(float(least))))
    return least, greatest - least


def _levels(columns, least, span):
    """Returns the percentiles of columns: their bytes in the file, and decoded, float32 (columns, 4)."""
    levels = _separate(_to_uint16(np.stack([_ranked(column) for column in columns], axis=1), least, span))
    levels = levels.T.astype("<u2").tobytes()
    return levels, decode_percentiles(levels, least, span)


def _ranked(column):
    """Returns the values of a column at its four percentiles."""
    quarter = len(column) // 4
    places = [0, quarter, 3 * quarter, len(column) - 1]
    return np.partition(column, places)[places]


def _separate(levels):
    """Makes the four percentiles of each column, uint16 levels `(4, columns)`, strictly increasing."""
    p0 = np.minimum(levels[0], 65532)
    p25 = np.clip(levels[1], p0 + 1, 65533)
    p75 = np.clip(levels[2], p25 + 1, 65534)
    return np.stack([p0, p25, p75, np.maximum(levels[3], p75 + 1)])


def _to_codes(matrix, percentiles):
    """Encodes each value as a byte, uint8 `(rows, columns)` (Kaldi's FloatToChar)."""
    p0, p25, p75, p100 = percentiles.T
    # If the range is tiny relative to the values, two percentiles may be equal; any byte then decodes to that value.
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.clip(_rounded((matrix - p0) / (p25 - p0), 64), 0, 64)
        middle = np.clip(64 + _rounded((matrix - p25) / (p75 - p25), 128), 64, 192)
        high = np.clip(192 + _rounded((matrix - p75) / (p100 - p75), 63), 192, 255)
    return np.where(matrix < p25, low, np.where(matrix < p75, middle, high)).astype(np.uint8)


def _rounded(share, steps):
    # Clip first: outside its own segment, a ratio may overflow an integer.
    share = np.clip(share, np.float32(-2), np.float32(2))
    return ((share * np.float32(steps)).astype(np.float64) + 0.5).astype(np.int32)
