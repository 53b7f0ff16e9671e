"""Reads and writes one Kaldi object: a matrix, vector, compressed matrix or integer vector.

kaldiio does the work where it is safe and fast enough; each function states what it does itself, and why.
"""

import struct
from typing import NamedTuple

import numpy as np
from kaldiio import matio

from nnet.errors import InputError
from nnet.kaldi import compression
from nnet.rows import LongRows, blocks_of

BINARY_MARK = b"\0B"
FLOAT_TYPES = {b"F": np.dtype("<f4"), b"D": np.dtype("<f8")}
WHOLE_BLOCK = 1 << 18  # up to this many bytes, a single read is faster than one read per column


class Header(NamedTuple):
    """Header of a binary matrix; `kind` is FM, DM, CM, CM2 or CM3."""

    kind: str
    rows: int
    columns: int
    least: float = 0.0
    span: float = 0.0


def is_vector(reader):
    """Returns whether a binary object is a vector; False for a text object."""
    mark = reader.peek(5)
    return mark[:2] == BINARY_MARK and (mark[3:] == b"V " or mark[2:3] == b"\4")


def read_header(reader):
    """Reads the header of a binary matrix; returns None, without consuming anything, for a text object."""
    if reader.peek(2) != BINARY_MARK:
        return None
    reader.read(len(BINARY_MARK))
    token = reader.read(3)
    if token[1:] == b"V " or token[:1] == b"\4":
        reader.fail("expected a matrix, found a vector")
    if token in (b"FM ", b"DM "):
        size, rows, other_size, columns = struct.unpack("<bibi", reader.read(10))
        if (size, other_size) != (4, 4):
            reader.fail(f"bad header: integers of {size} and {other_size} bytes, not 4")
        header = Header(token.decode().strip(), rows, columns)
    elif token in (b"CM ", b"CM2", b"CM3"):
        reader.read(token != b"CM ")  # the space after the digit
        least, span, rows, columns = compression.GLOBAL_HEADER.unpack(reader.read(compression.GLOBAL_HEADER.size))
        header = Header(token.decode().strip(), rows, columns, least, span)
    else:
        reader.fail(f"not a Kaldi matrix or vector (it starts with {token!r})")
    _check_shape(reader, rows, columns)
    return header


def _check_shape(reader, rows, columns):
    if rows < 0 or columns < 0 or (rows > 0 and columns == 0):
        reader.fail(f"bad header: {rows} rows, {columns} columns")


def size_of(header):
    """Returns the number of bytes of a matrix after its header."""
    percentiles = compression.COLUMN_HEADER_BYTES * header.columns if header.kind == "CM" else 0
    return percentiles + header.rows * header.columns * _element(header).itemsize


def read_object(reader):
    """Reads one whole object, binary or text.

    kaldiio reads uncompressed binary objects. It would return part of a vector from a truncated file, but the readers
    of `nnet.kaldi.streams` return every requested byte or fail. This module reads the rest:

    - Compressed matrices: kaldiio's values differ from Kaldi's in the last bits, and it needs 1.18 ms for 600 x 80
      instead of 0.33 ms.
    - Text: kaldiio rejects vectors that start with an integer ([ 1 2.5 ]), and it needs 253 ms for 600 x 80 instead of
      19 ms.

    Anything else that kaldiio recognizes, such as pickled Python, is rejected.

    Returns:
        float32 or float64 `(rows, columns)` or `(dim,)` as stored (compressed and text: float32), int32 `(n,)` for
        integers; all values are finite.
    """
    if reader.peek(2) != BINARY_MARK:
        return _finite(_read_text(reader), reader)
    kind = reader.peek(4)[2:]
    if kind == b"CM":
        return _finite(_read_compressed(reader, read_header(reader)), reader)
    read = matio.read_int32vector if kind[:1] == b"\4" else matio.read_matrix_or_vector
    try:
        array = read(reader).copy()  # kaldiio returns a read-only view
    except (AssertionError, MemoryError, ValueError) as error:
        reader.fail(f"not a Kaldi matrix or vector: {error or 'bad header'}")
    if array.ndim == 2:
        _check_shape(reader, *array.shape)
    return _finite(array, reader)


def _finite(array, reader):
    check_finite(array, reader.where)
    return array


def check_finite(array, where):
    """Raises InputError for NaN and infinity, which would go through everything that is computed from the array."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{where}: contains NaN or infinity")


def _read_compressed(reader, header):
    if header.kind == "CM":
        percentiles = _read_percentiles(reader, header)
        codes = np.frombuffer(reader.read(header.rows * header.columns), np.uint8)
        return compression.decode_columns(codes.reshape(header.columns, header.rows), percentiles)
    return _decode(reader.read(header.rows * header.columns * _element(header).itemsize), header)


def read_object_rows(reader, start, stop):
    """Reads rows `start` to `stop` (exclusive) of a matrix; a binary matrix is not read as a whole.

    kaldiio would read the whole matrix: for chunks of 200 x 80 from compressed utterances this function is 4.3 times as
    fast if they last 3 to 10 s, and 55 times as fast if they last 100 to 300 s (RESULTS.md).

    Args:
        reader: a FileReader positioned at the object.

    Returns:
        `(stop - start, columns)` as stored, float32 if compressed.
    """
    header = read_header(reader)
    whole = _read_text(reader) if header is None else None
    if whole is not None and whole.ndim != 2:
        reader.fail("expected a matrix, found a vector")
    rows = len(whole) if header is None else header.rows
    if not 0 <= start <= stop <= rows:
        reader.fail(f"rows {start} to {stop} requested, the matrix has {rows}")
    part = whole[start:stop] if header is None else _read_binary_rows(reader, header, start, stop)
    return _finite(part, reader)


def _read_binary_rows(reader, header, start, stop):
    if header.kind == "CM":
        percentiles = _read_percentiles(reader, header)
        return compression.decode_columns(_read_codes(reader, header, start, stop), percentiles)
    line = header.columns * _element(header).itemsize
    return _decode(reader.read_at(reader.position + start * line, (stop - start) * line), header, stop - start)


def _read_codes(reader, header, start, stop):
    """Reads the bytes of some rows of a CM matrix, stored column by column: uint8 `(columns, stop - start)`."""
    rows, columns = header.rows, header.columns
    first = reader.position + start
    # Read from the first wanted byte to the last only.
    block = (columns - 1) * rows + stop - start
    if columns and block <= WHOLE_BLOCK:
        return np.ndarray((columns, stop - start), np.uint8, reader.read_at(first, block), strides=(rows, 1))
    data = reader.read_every(rows, columns, first, stop - start)
    return np.frombuffer(data, np.uint8).reshape(columns, stop - start)


def _read_percentiles(reader, header):
    return compression.decode_percentiles(reader.read(compression.COLUMN_HEADER_BYTES * header.columns), *header[3:])


def _element(header):
    if header.kind in compression.ELEMENT_BYTES:
        return np.dtype(f"<u{compression.ELEMENT_BYTES[header.kind]}")
    return FLOAT_TYPES[header.kind[:1].encode()]


def _decode(data, header, rows=None):
    """Decodes a matrix stored row by row (any kind but CM) to (rows, columns); by default, all rows of the header."""
    elements = np.frombuffer(data, _element(header)).reshape(header.rows if rows is None else rows, header.columns)
    if header.kind in compression.ELEMENT_BYTES:
        return compression.decode_linear(elements, header.kind, header.least, header.span)
    return elements.copy()


def write_binary(file, array, compress=False):
    """Writes a binary object as Kaldi does, including the binary mark.

    kaldiio writes everything but compressed matrices: its compression differs from Kaldi's in some bytes and takes 25 %
    longer.

    Args:
        file: a binary file.
        array: `(rows, columns)` or `(dim,)`; float64 is stored as double, other floats as float32, integers as a vector
            of 32-bit integers. LongRows of two dimensions are stored as float32.
        compress: write matrices in Kaldi's default compressed format.
    """
    if isinstance(array, LongRows):
        _write_rows(file, array, compress)
        return
    array = np.asarray(array)
    if array.ndim not in (1, 2):
        raise ValueError(f"a Kaldi object has one or two dimensions, not {array.ndim}")
    if array.ndim == 2 and compress:
        file.write(BINARY_MARK + compression.encode(np.ascontiguousarray(array, np.float32)))
        return
    if array.ndim == 2 and array.dtype.kind in "iub":
        raise ValueError("Kaldi has integer vectors but no integer matrices")
    matio.write_array(file, array.astype(_stored_type(array), copy=False))


def _write_rows(file, rows, compress):
    file.write(BINARY_MARK)
    if compress:
        compression.write_rows(file, rows)
        return
    file.write(b"FM " + struct.pack("<bibi", 4, rows.shape[0], 4, rows.shape[1]))
    for block in blocks_of(rows):
        file.write(block.astype("<f4", copy=False).tobytes())


def _stored_type(array):
    if array.dtype.kind in "iub":
        return np.int32
    return np.float64 if array.dtype == np.float64 else np.float32


def _read_text(reader):
    """Reads a vector `[ 1 2 3 ]`, a matrix (`[`, then one row per line), or a line of integers without brackets."""
    lines = [_text_line(reader)]
    if not lines[0].startswith("["):
        return _parse(reader, lines[0].split(), np.int32)
    while not lines[-1].endswith("]"):
        lines.append(_text_line(reader))
    if len(lines) == 1:
        return _parse(reader, lines[0][1:-1].split(), np.float32)
    rows = [line.strip("[] ").split() for line in lines]
    matrix = _parse(reader, [row for row in rows if row], np.float32)
    return matrix if matrix.size else np.empty((0, 0), np.float32)


def _text_line(reader):
    line = reader.readline()
    if not line.rstrip(b" \t\r").endswith((b"\n", b"]")):
        reader.fail("truncated: the text ends within a line or before the closing bracket")
    return line.decode("utf-8", "replace").strip()


def _parse(reader, words, dtype):
    try:
        return np.array(words, dtype)
    except (OverflowError, ValueError):
        reader.fail("not a matrix or a vector in Kaldi's text format")


def write_text(file, array):
    """Writes an object in Kaldi's text format, with a final newline, to a binary file.

    kaldiio writes everything but integer vectors, which it would put in brackets; Kaldi does not.
    """
    array = np.asarray(array)
    if array.dtype.kind in "iub":
        file.write(" ".join(map(str, array.tolist())).encode() + b"\n")
    else:
        matio.write_array_ascii(file, array, ".9g")
