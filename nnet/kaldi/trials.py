"""Trial lists and score files: lines of `enroll test target|nontarget` or `enroll test score`.

Lists of ten million lines are common, so ids are mapped to integers while reading; code that does not need the whole
list works on the blocks of `nnet.kaldi.text_columns`.
"""

import dataclasses
import functools
import logging
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnet.errors import InputError
from nnet.files import AnyPath, atomic_write
from nnet.kaldi.trial_pairs import read_pairs

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 1 << 18


@dataclasses.dataclass(frozen=True)
class Trials:
    """Trial list with ids as integers.

    >>> trials = nnet.read_trials("trials")
    >>> len(trials), trials.name(0), trials.target.tolist()
    (2, 'alice alice-2', [True, False])

    Attributes:
        path: file it was read from, for messages.
        enroll_ids, test_ids: distinct ids in order of first appearance.
        enroll, test: int32 (N,), positions in `enroll_ids` and `test_ids`.
        target: bool (N,), or None if the list was read without labels.
    """

    path: str
    enroll_ids: list[str]
    test_ids: list[str]
    enroll: np.ndarray
    test: np.ndarray
    target: np.ndarray | None

    def __len__(self) -> int:
        return len(self.enroll)

    def name(self, index: int) -> str:
        """Returns "enroll test" of one trial, for messages."""
        return f"{self.enroll_ids[self.enroll[index]]} {self.test_ids[self.test[index]]}"

    @functools.cached_property
    def keys(self) -> np.ndarray:
        """int64 (N,), a unique number for each pair of ids."""
        return self.enroll.astype(np.int64) * len(self.test_ids) + self.test


def read_trials(path: AnyPath, labels: bool = True) -> Trials:
    """Reads a trial list.

    >>> trials = nnet.read_trials("trials")

    Args:
        path: file of lines `enroll test target|nontarget`.
        labels: False reads the two ids only and ignores the rest of the line (so a score file works too).

    Raises:
        InputError: a malformed line, or a duplicate trial.
    """
    pairs = read_pairs(path, (3,), "label") if labels else read_pairs(path, (2, 3))
    trials = Trials(str(path), pairs.enroll_ids, pairs.test_ids, pairs.enroll, pairs.test, pairs.values)
    _refuse_duplicates(path, trials, trials.keys)
    return trials


def read_scores(path: AnyPath, trials: Trials) -> np.ndarray:
    """Reads a score file in the order of a trial list.

    >>> trials = nnet.read_trials("trials")
    >>> scores = nnet.read_scores("scores", trials)

    Args:
        path: file of lines `enroll test score`, in any order.
        trials: the list; scores of other pairs are ignored, with a warning.

    Returns:
        float64 (N,).

    Raises:
        InputError: a malformed line, a score that is not finite, a duplicate pair, a trial without a score.
    """
    pairs = read_pairs(path, (3,), "number")
    enroll = _positions(pairs.enroll_ids, trials.enroll_ids)[pairs.enroll]
    test = _positions(pairs.test_ids, trials.test_ids)[pairs.test]
    keys = np.where((enroll < 0) | (test < 0), -1, enroll * len(trials.test_ids) + test)
    if np.array_equal(keys, trials.keys):
        return pairs.values
    return _matched(path, trials, keys, pairs.values)


class ScoreWriter:
    """Writes lines of `enroll test score`; the file appears only if the `with` block ends without an error.

    `with ScoreWriter(path) as writer: writer.write(["spk1"], ["utt1"], [0.5])`
    """

    def __init__(self, path: AnyPath) -> None:
        self._path, self._opener = path, atomic_write(path)

    def __enter__(self) -> "ScoreWriter":
        self._file = self._opener.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._opener.__exit__(*exception)

    def write(self, enroll: Iterable[str], test: Iterable[str], scores: ArrayLike) -> None:
        """Appends one line per trial, from two sequences of ids and an array or list of numbers, all finite."""
        scores = np.asarray(scores, np.float64)
        if not np.isfinite(scores).all():
            pair = list(zip(enroll, test, strict=True))[int(np.argmin(np.isfinite(scores)))]
            raise InputError(
                f'{self._path}: the score of "{pair[0]} {pair[1]}" is not finite: numbers in an embedding or in the '
                "back end are too large"
            )
        rows = zip(enroll, test, scores.tolist(), strict=True)
        self._file.write("".join(map("%s %s %.6f\n".__mod__, rows)))


def write_scores(path: AnyPath, trials: Trials, scores: np.ndarray) -> None:
    """Writes scores (N,) of Trials.

    >>> trials = nnet.read_trials("trials")
    >>> nnet.write_scores("other_scores", trials, np.array([2.5, -1.0]))
    """
    enroll_ids, test_ids = np.array(trials.enroll_ids, object), np.array(trials.test_ids, object)
    with ScoreWriter(path) as writer:
        for start in range(0, len(trials), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            writer.write(enroll_ids[trials.enroll[part]], test_ids[trials.test[part]], scores[part])


def write_trials(path: AnyPath, trials: Iterable[tuple[str, str, bool]]) -> None:
    """Writes a trial list from an iterable of (enroll, test, is_target)."""
    with atomic_write(path) as file:
        file.writelines(f"{e} {t} {'target' if is_target else 'nontarget'}\n" for e, t, is_target in trials)


def _positions(ids: list[str], known: list[str]) -> np.ndarray:
    """Positions of ids in `known`: int64 (len(ids),), -1 if unknown."""
    places = {key: i for i, key in enumerate(known)}
    return np.array([places.get(key, -1) for key in ids], np.int64)


def _matched(path: AnyPath, trials: Trials, keys: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Looks up the score of each trial by its key; -1 marks pairs that are not in the list."""
    extra = int(np.count_nonzero(keys < 0))
    keys, scores = keys[keys >= 0], scores[keys >= 0]
    _refuse_duplicates(path, trials, keys)
    order = np.argsort(keys, kind="stable")
    keys, scores = keys[order], scores[order]
    place = np.minimum(np.searchsorted(keys, trials.keys), max(len(keys) - 1, 0))
    missing = keys[place] != trials.keys if len(keys) else np.ones(len(trials), bool)
    if missing.any():
        raise InputError(
            f"{path}: no score for {missing.sum()} of the {len(trials)} trials of {trials.path}, "
            f'such as "{trials.name(int(np.argmax(missing)))}"'
        )
    extra += len(keys) - len(trials)
    if extra:
        log.warning("%s: ignored %d scores of pairs that are not in %s", path, extra, trials.path)
    return scores[place]


def _refuse_duplicates(path: AnyPath, trials: Trials, keys: np.ndarray) -> None:
    ordered = np.sort(keys)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(repeated):
        enroll, test = divmod(int(repeated[0]), len(trials.test_ids))
        count = f"{len(repeated)} duplicate trial{'s' if len(repeated) > 1 else ''}"
        pair = f"{trials.enroll_ids[enroll]} {trials.test_ids[test]}"
        raise InputError(f'{path}: {count}, such as "{pair}"; keep one line of each')
