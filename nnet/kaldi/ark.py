"""Kaldi archives: read whole objects or ranges of rows by file offset, write ark and scp atomically.

An rxfilename is `file` or `file:offset`, either with a range of rows `[first:last]` or of rows and columns
`[first:last,first:last]` (inclusive; `:` alone stands for all, as in Kaldi), or `command |`.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from nnet.errors import InputError
from nnet.files import AnyPath, atomic_write
from nnet.kaldi import matrices
from nnet.kaldi.streams import FileReader, StreamReader, forget_open_files, open_stream
from nnet.kaldi.tables import read_table
from nnet.rows import LONG, LongRows, Rows, blocks_of

_ADDRESS = re.compile(
    r"(?P<path>.*?)(:(?P<offset>\d{1,18}))?(\[((?P<row>\d{1,18}):(?P<last_row>\d{1,18})|:)"
    r"(,((?P<column>\d{1,18}):(?P<last_column>\d{1,18})|:)?)?\])?",
    re.DOTALL,
)
Range = tuple[int, int]  # first and last + 1


class Address(NamedTuple):
    """A parsed rxfilename; `rows` and `columns` are ranges of a matrix, None: all."""

    path: str
    offset: int
    rows: Range | None
    columns: Range | None

    def __str__(self) -> str:
        rows, columns = (f"{r[0]}:{r[1] - 1}" if r else ":" for r in (self.rows, self.columns))
        place = f"{self.path}:{self.offset}"
        if self.columns:
            return f"{place}[{rows},{columns}]"
        return f"{place}[{rows}]" if self.rows else place

    def cut(self, matrix: np.ndarray, reader: FileReader) -> np.ndarray:
        """Returns the columns of a matrix in the range, contiguous."""
        if self.columns is None:
            return matrix
        return np.ascontiguousarray(matrix[:, slice(*self.check_columns(matrix.shape[1], reader))])

    def check_rows(self, count: int, reader: FileReader) -> Range:
        """Returns the range of rows of an object with `count` rows; InputError if it has fewer.

        As in Kaldi, up to three rows beyond the end are left out: the ends of segments are rounded.
        """
        first, stop = self.rows or (0, count)
        if stop <= count + 3:
            stop = min(stop, count)
        if self.rows and not first < stop <= count:
            reader.fail(f"rows {first}:{stop - 1} requested, it has {count}")
        return first, stop

    def check_columns(self, count: int, reader: FileReader) -> Range:
        """Returns the range of columns of a matrix with `count` columns; InputError if it has fewer."""
        first, stop = self.columns or (0, count)
        if not first < stop <= count:
            reader.fail(f"columns {first}:{stop - 1} requested, the matrix has {count}")
        return first, stop


def parse_rx(rx: str) -> Address:
    """Splits an rxfilename that is no command."""
    match = _ADDRESS.fullmatch(rx.strip())
    assert match  # the path group matches any text
    rows, columns = (
        (int(match[first]), int(match[f"last_{first}"]) + 1) if match[first] else None for first in ("row", "column")
    )
    return Address(match["path"], int(match["offset"] or 0), rows, columns)


def read_any(rx: str) -> np.ndarray:
    """Reads the object at `rx`, of any kind and precision; see `nnet.kaldi.matrices.read_object`."""
    if rx.rstrip().endswith("|"):
        with open_stream(rx.strip()) as stream:
            return matrices.read_object(StreamReader(stream, rx))
    address = parse_rx(rx)
    reader = FileReader(address.path, address.offset, rx)
    header = None
    if address.rows is not None and not matrices.is_vector(reader):
        header = matrices.read_header(FileReader(address.path, address.offset, rx))
    if header is None:
        array = matrices.read_object(reader)
        array = array[slice(*address.check_rows(len(array), reader))]
    else:
        array = matrices.read_object_rows(reader, *address.check_rows(header.rows, reader))
    if address.columns is not None and array.ndim != 2:
        reader.fail("expected a matrix, found a vector")
    return address.cut(array, reader)


def read_matrix(rx: str) -> np.ndarray:
    """Reads a matrix: float32 `(rows, columns)`.

    >>> features = nnet.read_matrix(nnet.read_table("data/train/feats.scp")["s000-u0"])
    """
    matrix = read_any(rx)
    if matrix.ndim != 2:
        raise InputError(f"{rx}: expected a matrix, found a vector")
    return _single(matrix, rx)


def open_matrix(rx: str) -> Rows:
    """Opens a matrix as rows: an array, or a StoredMatrix if it is binary and has more than `nnet.rows.LONG` bytes."""
    if not rx.rstrip().endswith("|"):
        address = parse_rx(rx)
        header = None
        if address.rows is None:
            header = matrices.read_header(FileReader(address.path, address.offset, rx))
        if header is not None and 4 * header.rows * header.columns > LONG:
            return StoredMatrix(rx)
    return read_matrix(rx)


class StoredMatrix(LongRows):
    """A matrix in an archive, read by ranges of its rows."""

    def __init__(self, rx: str) -> None:
        self.shape, self._rx = matrix_shape(rx), rx

    def read(self, first: int, stop: int) -> np.ndarray:
        return read_rows(self._rx, first, stop)


def read_vector(rx: str) -> np.ndarray:
    """Reads a vector: float32 or float64 `(dim,)` as stored, int32 for integers.

    >>> nnet.write_ark("v.ark", {"a": np.ones(3)}, "v.scp")
    >>> nnet.read_vector(nnet.read_table("v.scp")["a"]).tolist()
    [1.0, 1.0, 1.0]
    """
    vector = read_any(rx)
    if vector.ndim != 1:
        raise InputError(f"{rx}: expected a vector, found a matrix")
    return vector


def read_rows(rx: str, start: int, stop: int) -> np.ndarray:
    """Reads rows `start` to `stop` (exclusive) of a matrix, plain or compressed, without reading the others.

    Returns:
        float32 `(stop - start, columns)`.
    """
    address = parse_rx(rx)
    reader, rows = FileReader(address.path, address.offset, rx), address.rows
    if rows is not None:
        if start < 0 or stop > rows[1] - rows[0]:
            reader.fail(f"rows {start} to {stop} requested, the matrix has {rows[1] - rows[0]}")
        start, stop = start + rows[0], stop + rows[0]
    return _single(address.cut(matrices.read_object_rows(reader, start, stop), reader), rx)


def _single(array: np.ndarray, rx: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        single = np.asarray(array, np.float32)
    if single is not array:
        matrices.check_finite(single, f"{rx}: in single precision")
    return single


def matrix_shape(rx: str) -> tuple[int, int]:
    """Returns `(rows, columns)` of a matrix, from its header if it has one."""
    if not rx.rstrip().endswith("|"):
        address = parse_rx(rx)
        reader = FileReader(address.path, address.offset, rx)
        header = matrices.read_header(reader)
        if header is not None:
            reader.expect(matrices.size_of(header), reader.position)
            first, stop = address.check_rows(header.rows, reader)
            columns = address.check_columns(header.columns, reader)
            return stop - first, columns[1] - columns[0]
    return read_matrix(rx).shape


def read_ark(rspecifier: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yields `(key, array)` from `ark:FILE`, `scp:FILE`, or a path that ends in .ark or .scp.

    >>> features = dict(nnet.read_ark("data/train/feats.scp"))

    FILE of an ark may be `-` or `command |`. Options as in `ark,t:` are accepted and ignored: the format is detected.
    """
    kind, path = _split_specifier(rspecifier)
    if kind == "scp":
        for key, rx in read_table(path, check_sorted=False).items():
            yield key, _read_entry(path, key, rx)
        return
    with open_stream(path) as stream:
        reader = StreamReader(stream, path)
        while (key := reader.read_key()) is not None:
            reader.where = f'{path}: "{key}"'
            yield key, matrices.read_object(reader)
            reader.where = path


def _read_entry(scp: str, key: str, rx: str) -> np.ndarray:
    try:
        return read_any(rx)
    except InputError as error:
        raise InputError(f'{scp}: "{key}": {error}') from error


def read_dict(rspecifier: str) -> dict[str, np.ndarray]:
    """Reads a whole archive as `{key: array}`; raises InputError for a duplicate key."""
    arrays = {}
    for key, array in read_ark(rspecifier):
        if key in arrays:
            raise InputError(f'{rspecifier}: duplicate key "{key}"')
        arrays[key] = array
    return arrays


def _split_specifier(specifier: str) -> tuple[str, str]:
    """Splits an rspecifier into `(kind, path)`; kind is "ark" or "scp"."""
    options, colon, path = specifier.partition(":")
    words = options.split(",")
    if colon and words[0] in ("ark", "scp"):
        return words[0], path.strip()
    for kind in ("ark", "scp"):
        if specifier.endswith("." + kind):
            return kind, specifier
    raise InputError(f"{specifier}: expected ark:FILE, scp:FILE, or a file that ends in .ark or .scp")


class ArkWriter:
    """Writes an archive and its scp; both files appear only if the `with` block ends without an error.

    >>> with nnet.ArkWriter("e.ark", "e.scp") as writer:
    ...     writer.write("a", np.zeros(3))

    Args:
        ark: path of the archive; the scp repeats it as given.
        scp: path of the scp, or None.
        compress: write matrices in Kaldi's default compressed format.
        text: write Kaldi's text format instead of binary.
    """

    def __init__(self, ark: AnyPath, scp: AnyPath | None = None, compress: bool = False, text: bool = False) -> None:
        self.path = os.fspath(ark)
        self._compress = compress
        self._text = text
        self._keys: set[str] = set()
        self._files = contextlib.ExitStack()
        self._scp = self._files.enter_context(atomic_write(scp)) if scp is not None else None
        # Entered last, so that the archive is renamed before the scp that points into it.
        self._ark = self._files.enter_context(atomic_write(self.path, binary=True))

    def write(self, key: str, array: ArrayLike | Rows) -> None:
        """Adds one matrix, vector or integer vector; a matrix may be rows longer than memory.

        Raises:
            ValueError: the key is empty, contains whitespace, or was written before.
            InputError: the array contains NaN or infinity.
        """
        if not key or len(key.split()) != 1 or key in self._keys:
            raise ValueError(f"{self.path}: key {key!r} is a duplicate, empty, or contains whitespace")
        where = f'{self.path}: "{key}"'
        array = array if isinstance(array, LongRows) else np.asarray(array)
        for block in blocks_of(array):
            matrices.check_finite(block, where)
        self._keys.add(key)
        self._ark.write(key.encode() + b" ")
        offset = self._ark.tell()
        if self._text:
            matrices.write_text(self._ark, array)
        else:
            matrices.write_binary(self._ark, array, self._compress)
        if self._scp is not None:
            self._scp.write(f"{key} {self.path}:{offset}\n")

    def __enter__(self) -> "ArkWriter":
        return self

    def __exit__(self, *error: Any) -> None:
        self._files.__exit__(*error)
        forget_open_files()


def write_ark(
    ark: AnyPath,
    arrays: Mapping[str, ArrayLike],
    scp: AnyPath | None = None,
    compress: bool = False,
    text: bool = False,
) -> None:
    """Writes an archive of matrices or vectors, and its scp if a path is given, atomically.

    >>> nnet.write_ark("e.ark", {"a": np.zeros(3), "b": np.ones(3)}, "e.scp")

    Args:
        arrays: `{key: array}`.
        ark, scp, compress, text: as for `ArkWriter`.
    """
    with ArkWriter(ark, scp, compress, text) as writer:
        for key, array in arrays.items():
            writer.write(key, array)


def write_object(path: AnyPath, array: ArrayLike, binary: bool = True) -> None:
    """Writes a file of one finite matrix or vector, such as transform.mat or mean.vec, atomically."""
    matrices.check_finite(np.asarray(array), path)
    with atomic_write(path, binary=True) as file:
        (matrices.write_binary if binary else matrices.write_text)(file, array)
    forget_open_files()
