"""Lists of id pairs (trials, scores), read with ids mapped to integers; several processes read a large file."""

import concurrent.futures
import dataclasses
import functools
import multiprocessing
import os
import sys

import numpy as np

from nnet.cores import cores
from nnet.errors import InputError
from nnet.kaldi.text_columns import line_starts, read_blocks

PART_BYTES = 1 << 26  # minimum share of a process
LABELS = {"target": 1, "nontarget": 0}
LARGEST = 1e30  # of a number: its square, and the sum of all, are still numbers


@dataclasses.dataclass(frozen=True)
class IndexedPairs:
    """N lines of `enroll test [word]`, with ids as integers.

    Attributes:
        enroll_ids, test_ids: distinct ids in order of first appearance.
        enroll, test: int32 (N,), positions in `enroll_ids` and `test_ids`.
        values: the third column, or None.
    """

    enroll_ids: list
    test_ids: list
    enroll: np.ndarray
    test: np.ndarray
    values: np.ndarray | None


def read_pairs(path, widths, third=None):
    """Reads a file as IndexedPairs.

    Args:
        path: the file.
        widths: allowed numbers of words per line.
        third: type of the third column: "label" (bool), "number" (float64, up to LARGEST), or None to ignore it.
    """
    path = str(path)
    if third == "number" and os.path.isfile(path):
        _refuse_cut(path)
    parts = min(_processes(), os.path.getsize(path) // PART_BYTES)
    if parts > 1:
        try:
            return _read_in_parallel(path, widths, third, line_starts(path, parts))
        except InputError:
            pass  # a part does not know its line numbers; the sequential read below raises the error with them
    return _read_part(path, widths, third, 0, None)


def _refuse_cut(path):
    """Raises InputError if the last line has no end: its number may have lost digits."""
    with open(path, "rb") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                raise InputError(f"{path}: truncated: the last line has no end; write it again")


def _processes():
    """Number of processes to start; 1 where forking is unsafe."""
    return cores() if sys.platform == "linux" else 1


def _read_in_parallel(path, widths, third, starts):
    context = multiprocessing.get_context("fork")
    read = functools.partial(_read_part, path, widths, third)
    with concurrent.futures.ProcessPoolExecutor(len(starts) - 1, mp_context=context) as pool:
        parts = list(pool.map(read, starts[:-1], starts[1:]))
    enroll_ids, enroll = _merged([(part.enroll_ids, part.enroll) for part in parts])
    test_ids, test = _merged([(part.test_ids, part.test) for part in parts])
    return IndexedPairs(enroll_ids, test_ids, enroll, test, _joined([part.values for part in parts]))


def _read_part(path, widths, third, start, stop):
    enroll_index, test_index = _IdIndex(), _IdIndex()
    enroll, test, values = [], [], []
    for block in read_blocks(path, widths, start, stop):
        enroll.append(block.convert(0, enroll_index.__getitem__, np.int32, ""))
        test.append(block.convert(1, test_index.__getitem__, np.int32, ""))
        values.append(_third(block, third))
    enroll, test = np.concatenate(enroll), np.concatenate(test)
    return IndexedPairs(list(enroll_index), list(test_index), enroll, test, _joined(values))


def _third(block, kind):
    """Converts the third column of a Block."""
    if kind is None:
        return None
    if kind == "label":
        return block.convert(2, LABELS.__getitem__, bool, 'the third word must be "target" or "nontarget"')
    expected = f"the third word must be a finite number, at most {LARGEST:g}"
    values = block.convert(2, float, np.float64, expected)
    usable = np.abs(values) <= LARGEST
    if not usable.all():
        block.refuse(2, int(np.argmin(usable)), expected)
    return values


class _IdIndex(dict):
    """Dict that assigns consecutive integers to new keys."""

    def __missing__(self, key):
        self[key] = code = len(self)
        return code


def _merged(parts):
    """Concatenates several (ids, codes) with one common numbering."""
    index = _IdIndex()
    codes = [np.array([index[key] for key in ids], np.int32)[local] for ids, local in parts]
    return list(index), np.concatenate(codes)


def _joined(parts):
    return None if parts[0] is None else np.concatenate(parts)
