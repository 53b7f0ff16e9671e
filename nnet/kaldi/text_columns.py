"""Large text files of whitespace-separated columns, read in blocks of some hundred thousand lines."""

import dataclasses
import os

import numpy as np

from nnet.errors import InputError
from nnet.files import decode_text
from nnet.kaldi.tables import OTHER_BLANK, refuse_blank

BLOCK_BYTES = 1 << 23


@dataclasses.dataclass(frozen=True)
class Block:
    """Consecutive lines of a file: `columns` holds a list of strings per column, `line` is the first line's number."""

    path: str
    line: int
    columns: list

    def convert(self, column, function, dtype, expected):
        """Applies `function` to each word of a column and returns an array.

        Raises:
            InputError: `function` raised KeyError or ValueError; names the line and says what is `expected`.
        """
        words = self.columns[column]
        try:
            return np.fromiter(map(function, words), dtype, len(words))
        except (KeyError, ValueError):
            self.refuse(column, [_refuses(function, word) for word in words].index(True), expected)

    def refuse(self, column, row, expected):
        """Raises an InputError for one word: "EXPECTED, not WORD"."""
        raise InputError(f"{self.path}:{self.line + row}: {expected}, not {self.columns[column][row]!r}")


def read_blocks(path, widths, start=0, stop=None):
    """Yields the Blocks of a file.

    Args:
        path: the file; every line has the same number of words.
        widths: allowed numbers of words, such as (2, 3).
        start, stop: byte range to read, both at the beginning of a line; lines are counted from `start`.

    Raises:
        InputError: the file is empty, or a line has a different number of words.
    """
    line, width = 1, None
    with open(path, "rb") as file:
        file.seek(start)
        while data := _next_lines(file, stop):
            text = decode_text(data, path)
            if not text.isascii() and (blank := OTHER_BLANK.search(text)):
                refuse_blank(f"{path}:{line + text.count(chr(10), 0, blank.start())}", blank[0])
            width = width or _width(path, text, widths)
            if not _all_of(data, width):
                _check_lines(path, line, text, width)
            words = text.split()
            block = Block(path, line, [words[i::width] for i in range(width)])
            yield block
            line += len(block.columns[0])
    if line == 1:
        raise InputError(f"{path}: is empty; expected lines of {_either(widths)} words")


def count_blocks(path):
    """Estimates how many Blocks `read_blocks` yields for a file."""
    return -(-os.path.getsize(path) // BLOCK_BYTES)


def line_starts(path, parts):
    """Returns `parts` + 1 byte offsets at beginnings of lines, about evenly spaced; the last is the end of the file."""
    size = os.path.getsize(path)
    starts = [0]
    with open(path, "rb") as file:
        for part in range(1, parts):
            file.seek(max(starts[-1], part * size // parts - 1))
            file.readline()
            starts.append(file.tell())
    return [*starts, size]


def _next_lines(file, stop):
    """Reads a block of whole lines as bytes; empty at the end."""
    count = BLOCK_BYTES if stop is None else min(BLOCK_BYTES, stop - file.tell())
    text = file.read(count) if count > 0 else b""
    return text + file.readline() if text and not text.endswith(b"\n") else text


def _width(path, text, widths):
    width = len(text.split("\n", 1)[0].split())
    if width not in widths:
        raise InputError(f"{path}:1: has {width} words, expected {_either(widths)}")
    return width


def _all_of(data, width):
    """Whether every line has `width` words, looking at single-byte whitespace only."""
    data = np.frombuffer(data, np.uint8)
    blank = data <= ord(" ")
    begin = ~blank
    begin[1:] &= blank[:-1]
    begins, ends = np.flatnonzero(begin), np.flatnonzero(data == ord("\n"))
    lines = len(ends) + (data[-1] != ord("\n"))
    if len(begins) != lines * width:
        return False
    last, first = begins[width - 1 :: width], begins[width::width]
    return bool((last[: len(ends)] < ends).all() and (first > ends[: len(first)]).all())


def _check_lines(path, first_line, text, width):
    for number, line in enumerate(text.removesuffix("\n").split("\n"), first_line):
        if len(line.split()) != width:
            raise InputError(f"{path}:{number}: has {len(line.split())} words, expected {width}")


def _either(numbers):
    return " or ".join(str(n) for n in numbers)


def _refuses(function, word):
    try:
        function(word)
    except (KeyError, ValueError):
        return True
    return False
