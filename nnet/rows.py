"""Arrays too long for memory: their rows lie in a temporary file without a name and are read by ranges.

Samples and features of a recording of hours go through the toolkit in this form. Whoever takes `rows` uses len(rows),
rows.shape and rows[first:stop] only, so that it takes a numpy array as well.
"""

import contextlib
import itertools
import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import DTypeLike

from nnet.errors import InputError

LONG = 1 << 25  # bytes; shorter arrays stay in memory
BLOCK = 1 << 22  # bytes that are read at once


class LongRows:
    """An array that is read by ranges of its rows.

    Attributes:
        shape: of the array; the first number counts the rows.
    """

    shape: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Reads rows first:stop: an array of its own, float32."""
        first, stop, _ = rows.indices(len(self))
        return self.read(first, max(first, stop))

    def __array__(self, dtype: DTypeLike = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or np.float32, copy=False)

    def read(self, first: int, stop: int) -> np.ndarray:
        """Reads rows `first` to `stop` (exclusive), which exist: float32."""
        raise NotImplementedError


Rows = np.ndarray | LongRows


class StoredRows(LongRows):
    """Rows in a file, which is closed, and so removed, with the last reference to it."""

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        self._file, self.shape = file, shape

    def read(self, first: int, stop: int) -> np.ndarray:
        width = math.prod(self.shape[1:])
        return read_at(self._file, (stop - first) * width, 4 * first * width).reshape(-1, *self.shape[1:])


class PartOfRows(LongRows):
    """Rows `first` to `stop` (exclusive) of others."""

    def __init__(self, rows: LongRows, first: int, stop: int) -> None:
        self._rows, self._first, self.shape = rows, first, (stop - first, *rows.shape[1:])

    def read(self, first: int, stop: int) -> np.ndarray:
        return self._rows.read(self._first + first, self._first + stop)


def scratch() -> BinaryIO:
    """Opens a temporary file without a name, unbuffered."""
    with refusing_full_disks():
        return tempfile.TemporaryFile(buffering=0)


@contextlib.contextmanager
def refusing_full_disks() -> Iterator[None]:
    """Turns an OSError while a temporary file is written into an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{tempfile.gettempdir()}: a temporary file cannot be written: {error.strerror}; the environment variable "
            "TMPDIR names another folder"
        ) from error


def gathered(blocks: Iterable[np.ndarray]) -> Rows:
    """Puts blocks of rows together: one array, or StoredRows if it has more than LONG bytes.

    Args:
        blocks: float32 arrays (n, ...), at least one.
    """
    kept, size, blocks = [], 0, iter(blocks)
    for block in blocks:
        kept.append(block)
        size += block.nbytes
        if size > LONG:
            return _stored(kept, blocks)
    return kept[0] if len(kept) == 1 else np.concatenate(kept)


def _stored(kept: list[np.ndarray], rest: Iterator[np.ndarray]) -> StoredRows:
    width, count, place, file = kept[0].shape[1:], 0, 0, scratch()
    for block in itertools.chain(_let_go(kept), rest):
        if block.size:
            write_at(file, np.ascontiguousarray(block, np.float32), place)
        count, place = count + len(block), place + block.nbytes
    return StoredRows(file, (count, *width))


def _let_go(arrays: list[np.ndarray]) -> Iterator[np.ndarray]:
    while arrays:
        yield arrays.pop(0)


def write_at(file: BinaryIO, array: np.ndarray, offset: int) -> None:
    """Writes a contiguous array at an offset of a temporary file, in bytes."""
    view = memoryview(array).cast("B")
    with refusing_full_disks():
        while len(view):
            count = os.pwrite(file.fileno(), view, offset)
            view, offset = view[count:], offset + count


def read_at(file: BinaryIO, count: int, offset: int) -> np.ndarray:
    """Reads `count` numbers, float32, at an offset in bytes."""
    array = np.empty(count, np.float32)
    view = memoryview(array).cast("B")
    while len(view):
        data = os.pread(file.fileno(), min(len(view), BLOCK), offset)
        if not data:
            raise EOFError("a temporary file was shortened")
        view[: len(data)] = data
        view, offset = view[len(data) :], offset + len(data)
    return array


def blocks_of(rows: Rows) -> Iterator[np.ndarray]:
    """Yields rows in blocks of about BLOCK bytes; an array as it is."""
    if isinstance(rows, np.ndarray):
        yield rows
        return
    size = max(1, BLOCK // max(1, 4 * math.prod(rows.shape[1:])))
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def mean_row(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Computes the mean of blocks of rows (n, dim), added in float64 one after another: (dim,); 0 without rows."""
    total, count = None, 0
    for block in blocks:
        rows = block if total is None else np.vstack([total, block])
        total, count = rows.sum(axis=0, dtype=np.float64), count + len(block)
    return np.divide(total, max(count, 1))


def part_of(rows: Rows, first: int, stop: int) -> Rows:
    """Returns some rows without reading them."""
    return rows[first:stop] if isinstance(rows, np.ndarray) else PartOfRows(rows, first, stop)
