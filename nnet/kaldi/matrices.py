"""One Kaldi object (matrix, vector, compressed matrix, integers) read from a source or turned into bytes."""

import struct
from typing import NamedTuple

import numpy as np

from nnet.kaldi import compression

BINARY_MARK = b"\0B"
FLOAT_TYPES = {b"F": np.dtype("<f4"), b"D": np.dtype("<f8")}
WHOLE_BLOCK = 1 << 18  # up to this many bytes, one read of everything beats a read per column


class Header(NamedTuple):
    """What stands before the data of a binary object: `kind` is FM DM FV DV CM CM2 CM3 or INT."""

    kind: str
    rows: int
    columns: int
    least: float = 0.0
    span: float = 0.0

    @property
    def is_matrix(self):
        return self.kind[1] == "M"


def read_header(source):
    """Reads the header of an object; None where the object is text, of which nothing is read."""
    if not source.starts_with(BINARY_MARK):
        return None
    source.read(len(BINARY_MARK))
    return read_unmarked_header(source)


def read_unmarked_header(source):
    """Reads the header of an object within a larger binary object, where no binary mark stands before it."""
    token = source.read(3)
    if token[:1] == b"\4":
        return _checked(source, Header("INT", struct.unpack("<i", token[1:] + source.read(2))[0], 1))
    if token in (b"FM ", b"DM ", b"FV ", b"DV "):
        return _plain_header(source, token, 2 if token[1:2] == b"M" else 1)
    if token in (b"CM2", b"CM3"):
        token += source.read(1)
    if token not in (b"CM ", b"CM2 ", b"CM3 "):
        source.fail(f"not a Kaldi matrix or vector (it starts with {token!r})")
    least, span, rows, columns = compression.GLOBAL_HEADER.unpack(source.read(compression.GLOBAL_HEADER.size))
    return _checked(source, Header(token.decode().strip(), rows, columns, least, span))


def _plain_header(source, token, dimensions):
    sizes = []
    for _ in range(dimensions):
        mark, size = struct.unpack("<bi", source.read(5))
        if mark != 4:
            source.fail(f"bad header: the size of an integer is {mark}, not 4")
        sizes.append(size)
    rows, columns = (sizes + [1])[:2]
    return _checked(source, Header(token.decode().strip(), rows, columns))


def _checked(source, header):
    if header.rows < 0 or header.columns < 0:
        source.fail(f"bad header: {header.rows} rows, {header.columns} columns")
    return header


def read_object(source):
    """Reads one whole object, binary or text.

    Returns:
        float32 or float64 `(rows, columns)` or `(dim,)` as stored (compressed and text: float32), int32 `(n,)` for
        integers.
    """
    header = read_header(source)
    return _read_text(source) if header is None else read_body(source, header)


def read_body(source, header):
    """Reads the data that follows `header`."""
    if header.kind == "INT":
        return _read_integers(source, header.rows)
    if header.kind == "CM":
        percentiles = _read_percentiles(source, header)
        codes = np.frombuffer(source.read(header.rows * header.columns), np.uint8)
        return compression.decode_columns(codes.reshape(header.columns, header.rows), percentiles)
    dtype = _element(header)
    data = np.frombuffer(source.read(header.rows * header.columns * dtype.itemsize), dtype)
    if header.kind[1] == "V":
        return data.copy()
    return _values(data.reshape(header.rows, header.columns), header)


def read_object_rows(source, start, stop):
    """Reads rows `start` to `stop` (exclusive) of a matrix, without the others where it is binary.

    Args:
        source: a FileSource that stands at the object.

    Returns:
        `(stop - start, columns)` as stored, float32 for compressed ones.
    """
    header = read_header(source)
    whole = _read_text(source) if header is None else None
    if header is None:
        header = Header("FM" if whole.ndim == 2 else "FV", len(whole), whole.shape[-1])
    if not header.is_matrix:
        source.fail("a vector where a matrix should be")
    if not 0 <= start <= stop <= header.rows:
        source.fail(f"rows {start} to {stop} asked for, it has {header.rows}")
    return whole[start:stop] if whole is not None else _read_binary_rows(source, header, start, stop)


def _read_binary_rows(source, header, start, stop):
    if header.kind == "CM":
        percentiles = _read_percentiles(source, header)
        return compression.decode_columns(_read_codes(source, header, start, stop), percentiles)
    dtype = _element(header)
    line = header.columns * dtype.itemsize
    data = np.frombuffer(source.read_at(source.position + start * line, (stop - start) * line), dtype)
    return _values(data.reshape(stop - start, header.columns), header)


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


def _values(data, header):
    if header.kind in compression.ELEMENT_BYTES:
        return compression.decode_linear(data, header.kind, header.least, header.span)
    return data.copy()


def _read_integers(source, count):
    """int32 `(count,)`: Kaldi marks each integer with its size."""
    data = np.frombuffer(source.read(5 * count), np.uint8).reshape(count, 5)
    if (data[:, 0] != 4).any():
        source.fail("bad header: not a vector of 32-bit integers")
    return np.ascontiguousarray(data[:, 1:]).view("<i4")[:, 0]


def to_bytes(array, compress=False):
    """A binary object as Kaldi writes it, from the binary mark on.

    Args:
        array: `(rows, columns)` or `(dim,)`; float64 stays double, other floats become float32, integers a vector of
            32-bit integers.
        compress: matrices in Kaldi's default compressed format.
    """
    array = np.asarray(array)
    if array.ndim not in (1, 2):
        raise ValueError(f"a Kaldi object has one or two dimensions, not {array.ndim}")
    if array.ndim == 2 and compress:
        return BINARY_MARK + compression.encode(np.ascontiguousarray(array, np.float32))
    if array.dtype.kind in "iub":
        return BINARY_MARK + _integers_to_bytes(array)
    letter = b"D" if array.dtype == np.float64 else b"F"
    head = BINARY_MARK + letter + (b"V " if array.ndim == 1 else b"M ")
    sizes = b"".join(struct.pack("<bi", 4, size) for size in array.shape)
    return head + sizes + np.ascontiguousarray(array, FLOAT_TYPES[letter]).tobytes()


def _integers_to_bytes(array):
    if array.ndim != 1:
        raise ValueError("Kaldi has vectors of integers, no matrices")
    marked = np.empty((len(array), 5), np.uint8)
    marked[:, 0] = 4
    marked[:, 1:] = np.ascontiguousarray(array, "<i4").view(np.uint8).reshape(-1, 4)
    return struct.pack("<bi", 4, len(array)) + marked.tobytes()


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


def to_text(array):
    """An object in Kaldi's text format, with its line end."""
    array = np.asarray(array)
    if array.dtype.kind in "iub":
        return " ".join(str(value) for value in array.tolist()) + "\n"
    if array.ndim == 1:
        return f" [ {''.join(f'{value:.9g} ' for value in array.tolist())}]\n"
    rows = "".join("\n  " + "".join(f"{value:.9g} " for value in row) for row in array.tolist())
    return f" [{rows}]\n"
