"""Trial lists and score files: a line a trial, `enroll test target|nontarget` or `enroll test score`.

Lists of ten million lines are ordinary, so identifiers are coded as integers while they are read, and whatever need
not hold the whole list works on blocks of lines.
"""

import dataclasses
import functools
import itertools
import logging
import os

import numpy as np

from nnet.errors import InputError
from nnet.io.files import atomic_write

log = logging.getLogger(__name__)

BLOCK_CHARACTERS = 1 << 23
NUMBER = "the third word must be a finite number"
LABELS = {"target": 1, "nontarget": 0}


@dataclasses.dataclass(frozen=True)
class Trials:
    """A trial list with its identifiers coded.

    Attributes:
        path: the file it came from, for messages.
        enroll_ids, test_ids: each identifier once, in order of first appearance.
        enroll, test: int32 (N,), positions in `enroll_ids` and `test_ids`.
        target: bool (N,), or None where the list was read without labels.
    """

    path: str
    enroll_ids: list
    test_ids: list
    enroll: np.ndarray
    test: np.ndarray
    target: np.ndarray | None

    def __len__(self):
        return len(self.enroll)

    def name(self, index):
        """'enroll test' of one trial, for messages."""
        return f"{self.enroll_ids[self.enroll[index]]} {self.test_ids[self.test[index]]}"

    @functools.cached_property
    def keys(self):
        """int64 (N,): one number for each pair of identifiers."""
        return self.enroll.astype(np.int64) * len(self.test_ids) + self.test


@dataclasses.dataclass(frozen=True)
class Block:
    """Consecutive lines of a list: `columns` holds one list of strings a column, `line` the number of the first."""

    path: str
    line: int
    columns: list

    def convert(self, column, function, dtype, expected):
        """One column through `function` as an array; the line that it refuses is named."""
        words = self.columns[column]
        try:
            return np.fromiter(map(function, words), dtype, len(words))
        except (KeyError, ValueError):
            bad = next(i for i, word in enumerate(words) if _refuses(function, word))
            raise InputError(f"{self.path}:{self.line + bad}: {expected}, not {words[bad]!r}") from None


def read_blocks(path, widths):
    """Yields a list as Blocks of some hundred thousand lines.

    Args:
        path: the file; each line has the same number of words.
        widths: the numbers of words that are allowed, such as (2, 3).

    Raises:
        InputError: an empty file, or a line with another number of words.
    """
    line, width = 1, None
    try:
        with open(path, encoding="utf-8") as file:
            while text := file.read(BLOCK_CHARACTERS):
                text += file.readline()
                width = width or _width(path, text, widths)
                block = Block(path, line, _columns(path, line, text, width))
                yield block
                line += len(block.columns[0])
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not text; a list of trials or scores is expected") from None
    if line == 1:
        raise InputError(f"{path}: is empty; a list of trials or scores is expected")


def count_blocks(path):
    """How many Blocks `read_blocks` makes of a file, roughly."""
    return -(-os.path.getsize(path) // BLOCK_CHARACTERS)


def read_trials(path, labels=True):
    """Reads a whole list.

    Args:
        path: lines of `enroll test target|nontarget`.
        labels: False reads the two identifiers only, whatever follows them (a score file does as well).

    Raises:
        InputError: a bad line, or the same trial twice.
    """
    enroll_coder, test_coder = _Coder(), _Coder()
    parts = []
    for block in read_blocks(path, (3,) if labels else (2, 3)):
        enroll = block.convert(0, enroll_coder.__getitem__, np.int32, "")
        test = block.convert(1, test_coder.__getitem__, np.int32, "")
        expected = 'the third word must be "target" or "nontarget"'
        target = block.convert(2, LABELS.__getitem__, bool, expected) if labels else None
        parts.append((enroll, test, target))
    enroll, test, target = zip(*parts, strict=True)
    target = np.concatenate(target) if labels else None
    trials = Trials(
        str(path), list(enroll_coder), list(test_coder), np.concatenate(enroll), np.concatenate(test), target
    )
    _refuse_duplicates(path, trials.keys, trials.name)
    return trials


def read_scores(path, trials):
    """Scores of a file in the order of a trial list.

    Args:
        path: lines of `enroll test score`, in any order.
        trials: the list; scores of pairs that are not in it are counted in the log.

    Returns:
        float64 (N,).

    Raises:
        InputError: a bad line, a score that is not finite, a pair twice, a trial without a score.
    """
    enroll_coder, test_coder = _Known(trials.enroll_ids), _Known(trials.test_ids)
    keys, scores = [], []
    for block in read_blocks(path, (3,)):
        enroll = block.convert(0, enroll_coder.__getitem__, np.int64, "")
        test = block.convert(1, test_coder.__getitem__, np.int64, "")
        keys.append(np.where((enroll < 0) | (test < 0), -1, enroll * len(trials.test_ids) + test))
        scores.append(_finite(block))
    keys, scores = np.concatenate(keys), np.concatenate(scores)
    if np.array_equal(keys, trials.keys):
        return scores
    return _join(path, trials, keys, scores)


class ScoreWriter:
    """Writes `enroll test score` lines as they come; the file appears under its name only when the block ends well.

    `with ScoreWriter(path) as writer: writer.write(["spk1"], ["utt1"], [0.5])`
    """

    def __init__(self, path):
        self._opener = atomic_write(path)

    def __enter__(self):
        self._file = self._opener.__enter__()
        return self

    def __exit__(self, *exception):
        return self._opener.__exit__(*exception)

    def write(self, enroll, test, scores):
        """Appends one line a trial: two lists of identifiers and an array or list of numbers."""
        rows = zip(enroll, test, np.asarray(scores, np.float64).tolist(), strict=True)
        self._file.write("".join(map("%s %s %.6f\n".__mod__, rows)))


def write_scores(path, trials, scores):
    """Writes the scores (N,) of a Trials, in blocks."""
    enroll_ids, test_ids = np.array(trials.enroll_ids, object), np.array(trials.test_ids, object)
    with ScoreWriter(path) as writer:
        for start in range(0, len(trials), 1 << 18):
            part = slice(start, start + (1 << 18))
            writer.write(enroll_ids[trials.enroll[part]], test_ids[trials.test[part]], scores[part])


def write_trials(path, trials):
    """Writes a trial list from an iterable of (enroll, test, is_target)."""
    with atomic_write(path) as file:
        file.writelines(f"{e} {t} {'target' if is_target else 'nontarget'}\n" for e, t, is_target in trials)


class _Coder(dict):
    """Gives each new key the next number."""

    def __missing__(self, key):
        self[key] = code = len(self)
        return code


class _Known(dict):
    """Positions of known identifiers; -1 for others."""

    def __init__(self, identifiers):
        super().__init__(zip(identifiers, itertools.count()))

    def __missing__(self, key):
        return -1


def _finite(block):
    """The third column as float64."""
    values = block.convert(2, float, np.float64, NUMBER)
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values)))
        raise InputError(f"{block.path}:{block.line + bad}: {NUMBER}, not {block.columns[2][bad]!r}")
    return values


def _refuses(function, word):
    try:
        function(word)
    except (KeyError, ValueError):
        return True
    return False


def _width(path, text, widths):
    width = len(text.split("\n", 1)[0].split())
    if width not in widths:
        raise InputError(f"{path}:1: has {width} words where {_either(widths)} are expected")
    return width


def _columns(path, first_line, text, width):
    words = text.split()
    lines = text.count("\n") + (not text.endswith("\n"))
    if len(words) != lines * width:
        for number, line in enumerate(text.splitlines(), first_line):
            if len(line.split()) != width:
                raise InputError(f"{path}:{number}: has {len(line.split())} words where {width} are expected")
    return [words[i::width] for i in range(width)]


def _either(numbers):
    return " or ".join(str(n) for n in numbers)


def _pair(trials, key):
    enroll, test = divmod(int(key), len(trials.test_ids))
    return f"{trials.enroll_ids[enroll]} {trials.test_ids[test]}"


def _refuse_duplicates(path, keys, name):
    ordered = np.sort(keys)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(repeated):
        first = name(np.flatnonzero(keys == repeated[0])[0])
        count = len(repeated)
        raise InputError(
            f"{path}: {count} {'line repeats' if count == 1 else 'lines repeat'} an earlier trial, "
            f'such as "{first}"; keep one of each'
        )


def _join(path, trials, keys, scores):
    """Scores of the trials' keys from a file in another order."""
    extra = int(np.count_nonzero(keys < 0))
    keys, scores = keys[keys >= 0], scores[keys >= 0]
    order = np.argsort(keys, kind="stable")
    keys, scores = keys[order], scores[order]
    _refuse_duplicates(path, keys, lambda i: _pair(trials, keys[i]))
    place = np.minimum(np.searchsorted(keys, trials.keys), max(len(keys) - 1, 0))
    missing = keys[place] != trials.keys if len(keys) else np.ones(len(trials), bool)
    if missing.any():
        raise InputError(
            f"{path}: lacks the scores of {missing.sum()} of the {len(trials)} trials of {trials.path}, "
            f'such as "{trials.name(np.argmax(missing))}"'
        )
    extra += len(keys) - len(trials)
    if extra:
        log.warning("%s: %d scores belong to no trial of %s and are left out", path, extra, trials.path)
    return scores[place]
