"""One Kaldi object (matrix, vector, compressed matrix, integers) read from a source or written to a file.

kaldiio does what it does as safely and as fast as Kaldi's files need; each function here says what that leaves.
"""

import struct
from typing import NamedTuple

import numpy as np
from kaldiio import matio

from nnet.kaldi import compression

BINARY_MARK = b"\0B"
FLOAT_TYPES = {b"F": np.dtype("<f4"), b"D": np.dtype("<f8")}
WHOLE_BLOCK = 1 << 18  # up to this many bytes, one read of everything beats a read per column


class Header(NamedTuple):
    """What stands before the data of a binary matrix: `kind` is FM DM CM CM2 or CM3."""

    kind: str
    rows: int
    columns: int
    least: float = 0.0
    span: float = 0.0


def read_header(source):
    """Reads the header of a matrix; None where the object is text, of which nothing is read."""
    if source.peek(2) != BINARY_MARK:
        return None
    source.read(len(BINARY_MARK))
    token = source.read(3)
    if token[1:] == b"V " or token[:1] == b"\4":
        source.fail("a vector where a matrix should be")
    if token in (b"FM ", b"DM "):
        size, rows, other_size, columns = struct.unpack("<bibi", source.read(10))
        if (size, other_size) != (4, 4):
            source.fail(f"bad header: integers of {size} and {other_size} bytes, not 4")
        header = Header(token.decode().strip(), rows, columns)
    elif token in (b"CM ", b"CM2", b"CM3"):
        source.read(token != b"CM ")  # the blank behind the digit
        least, span, rows, columns = compression.GLOBAL_HEADER.unpack(source.read(compression.GLOBAL_HEADER.size))
        header = Header(token.decode().strip(), rows, columns, least, span)
    else:
        source.fail(f"not a Kaldi matrix or vector (it starts with {token!r})")
    if rows < 0 or columns < 0:
        source.fail(f"bad header: {rows} rows, {columns} columns")
    return header


def read_object(source):
    """Reads one whole object, binary or text.

    kaldiio reads what is binary and plain; it would return the part of a vector that a truncated file still holds, but
    a source gives all bytes that it is asked for or fails. The rest is read here:

    - Compressed matrices: kaldiio's values differ from Kaldi's in the last bits, and 600 x 80 take it 1.18 ms, this
      module 0.33 ms.
    - Text: kaldiio refuses vectors that start with a whole number ([ 1 2.5 ]), and 600 x 80 take it 253 ms, this module
      19 ms.
    - Anything else that kaldiio recognizes, such as pickled Python, is refused.

    Returns:
        float32 or float64 `(rows, columns)` or `(dim,)` as stored (compressed and text: float32), int32 `(n,)` for
        integers.
    """
    if source.peek(2) != BINARY_MARK:
        return _read_text(source)
    kind = source.peek(4)[2:]
    if kind == b"CM":
        return _read_compressed(source, read_header(source))
    read = matio.read_int32vector if kind[:1] == b"\4" else matio.read_matrix_or_vector
    try:
        return read(source).copy()  # kaldiio's array is a view of bytes that nobody may write to
    except (AssertionError, MemoryError, ValueError) as error:
        source.fail(f"not a Kaldi matrix or vector: {error or 'bad header'}")


def _read_compressed(source, header):
    if header.kind == "CM":
        percentiles = _read_percentiles(source, header)
        codes = np.frombuffer(source.read(header.rows * header.columns), np.uint8)
        return compression.decode_columns(codes.reshape(header.columns, header.rows), percentiles)
    return _decode(source.read(header.rows * header.columns * _element(header).itemsize), header)


def read_object_rows(source, start, stop):
    """Reads rows `start` to `stop` (exclusive) of a matrix, without the others where it is binary.

    kaldiio reads the whole matrix for that: chunks of 200 x 80 from compressed utterances of 3 to 10 s come 4.3 times
    as fast from here, from utterances of 100 to 300 s 55 times (RESULTS.md).

    Args:
        source: a FileSource that stands at the object.

    Returns:
        `(stop - start, columns)` as stored, float32 for compressed ones.
    """
    header = read_header(source)
    whole = _read_text(source) if header is None else None
    if whole is not None and whole.ndim != 2:
        source.fail("a vector where a matrix should be")
    rows = len(whole) if header is None else header.rows
    if not 0 <= start <= stop <= rows:
        source.fail(f"rows {start} to {stop} asked for, it has {rows}")
    return whole[start:stop] if header is None else _read_binary_rows(source, header, start, stop)


def _read_binary_rows(source, header, start, stop):
    if header.kind == "CM":
        percentiles = _read_percentiles(source, header)
        return compression.decode_columns(_read_codes(source, header, start, stop), percentiles)
    line = header.columns * _element(header).itemsize
    return _decode(source.read_at(source.position + start * line, (stop - start) * line), header, stop - start)


def _read_codes(source, header, start, stop):
    """uint8 `(columns, stop - start)`: the bytes of some rows of a CM matrix, whose columns stand one after another."""
    rows, columns = header.rows, header.columns
    first = source.position + start
    # from the first byte that is wanted to the last: what precedes and follows is never read
    block = (columns - 1) * rows + stop - start
    if columns and block <= WHOLE_BLOCK:
        return np.ndarray((columns, stop - start), np.uint8, source.read_at(first, block), strides=(rows, 1))
    data = source.read_every(rows, columns, first, stop - start)
    return np.frombuffer(data, np.uint8).reshape(columns, stop - start)


def _read_percentiles(source, header):
    return compression.decode_percentiles(source.read(compression.COLUMN_HEADER_BYTES * header.columns), *header[3:])


def _element(header):
    if header.kind in compression.ELEMENT_BYTES:
        return np.dtype(f"<u{compression.ELEMENT_BYTES[header.kind]}")
    return FLOAT_TYPES[header.kind[:1].encode()]


def _decode(data, header, rows=None):
    """Values (rows, columns) of what is kept row by row: anything but CM; without `rows`, all rows of the header."""
    elements = np.frombuffer(data, _element(header)).reshape(header.rows if rows is None else rows, header.columns)
    if header.kind in compression.ELEMENT_BYTES:
        return compression.decode_linear(elements, header.kind, header.least, header.span)
    return elements.copy()


def write_binary(file, array, compress=False):
    """Writes a binary object as Kaldi does, from the binary mark on.

    kaldiio writes all but compressed matrices: its compression differs from Kaldi's in some bytes and takes a quarter
    longer than ours.

    Args:
        file: a binary file.
        array: `(rows, columns)` or `(dim,)`; float64 stays double, other floats become float32, integers a vector of
            32-bit integers.
        compress: matrices in Kaldi's default compressed format.
    """
    array = np.asarray(array)
    if array.ndim not in (1, 2):
        raise ValueError(f"a Kaldi object has one or two dimensions, not {array.ndim}")
    if array.ndim == 2 and compress:
        file.write(BINARY_MARK + compression.encode(np.ascontiguousarray(array, np.float32)))
        return
    if array.ndim == 2 and array.dtype.kind in "iub":
        raise ValueError("Kaldi has vectors of integers, no matrices")
    matio.write_array(file, array.astype(_stored_type(array), copy=False))


def _stored_type(array):
    if array.dtype.kind in "iub":
        return np.int32
    return np.float64 if array.dtype == np.float64 else np.float32


def _read_text(source):
    """Reads `[ 1 2 3 ]`, `[` and a row a line for a matrix, or integers without brackets to the end of the line."""
    lines = [_text_line(source)]
    if not lines[0].startswith("["):
        return _parse(source, lines[0].split(), np.int32)
    while not lines[-1].endswith("]"):
        lines.append(_text_line(source))
    if len(lines) == 1:
        return _parse(source, lines[0][1:-1].split(), np.float32)
    rows = [line.strip("[] ").split() for line in lines]
    matrix = _parse(source, [row for row in rows if row], np.float32)
    return matrix if matrix.size else np.empty((0, 0), np.float32)


def _text_line(source):
    line = source.readline()
    if not line:
        source.fail("truncated: the text ends before the closing bracket")
    return line.decode("utf-8", "replace").strip()


def _parse(source, words, dtype):
    try:
        return np.array(words, dtype)
    except ValueError:
        source.fail("not a matrix or a vector in Kaldi's text format")


def write_text(file, array):
    """Writes an object in Kaldi's text format, with its line end, into a binary file.

    kaldiio writes all but integers, which it puts in brackets and Kaldi does not.
    """
    array = np.asarray(array)
    if array.dtype.kind in "iub":
        file.write(" ".join(map(str, array.tolist())).encode() + b"\n")
    else:
        matio.write_array_ascii(file, array, ".9g")
