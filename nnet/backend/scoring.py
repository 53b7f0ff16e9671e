"""Cosine and PLDA scores of enrolled speakers against test utterances.

Both reduce to a matrix product plus terms of one side each. A Scorer holds these precomputed; trial lists, score
matrices, search and normalization work on it.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from nnet.backend.embeddings import unit_length
from nnet.backend.plda import Plda

MOST_CELLS = 1 << 22  # entries of a dense block: 32 MiB
CACHED_CELLS = 1 << 16  # entries of gathered rows: half a MiB, which a core's cache holds
DENSE_WORTH = 64  # maximum pairs per trial for which the product over all pairs is used


@dataclasses.dataclass(frozen=True)
class Scorer:
    """Precomputed terms of score(e, t) = enroll[e] . test[t] + enroll_offset[e] + test_offset[group[e], t].

    >>> scorer = nnet.cosine_scorer(np.array([[2.0, 0.0], [0.0, 3.0]]), np.array([[1.0, 0.0]]))
    >>> scorer.pairs(np.array([0, 1]), np.array([0, 0])).tolist()
    [1.0, 0.0]

    Attributes:
        enroll: float64 (E, D).
        test: float64 (T, D).
        enroll_offset: float64 (E,).
        test_offset: float64 (G, T); for PLDA, one row per distinct number of enrollment utterances.
        group: int (E,), the row of `test_offset` for each enrolled speaker.
    """

    enroll: np.ndarray
    test: np.ndarray
    enroll_offset: np.ndarray
    test_offset: np.ndarray
    group: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(E, T)."""
        return len(self.enroll), len(self.test)

    def dense(self, enroll: slice | np.ndarray = slice(None), test: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Computes the scores (E', T') of selected enrolled speakers and test utterances; default: all."""
        scores = self.enroll[enroll] @ self.test[test].T
        scores += self.enroll_offset[enroll][:, None]
        scores += self.test_offset[:, test][self.group[enroll]]
        return scores

    def rows(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yields (slice of enrolled speakers, their scores (E', T)) in blocks of bounded size."""
        step = max(1, MOST_CELLS // max(1, len(self.test)))
        for start in range(0, len(self.enroll), step):
            part = slice(start, start + step)
            yield part, self.dense(part)

    def columns(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yields (slice of test utterances, their scores (T', E)) in blocks of bounded size."""
        step = max(1, MOST_CELLS // max(1, len(self.enroll)))
        for start in range(0, len(self.test), step):
            part = slice(start, start + step)
            yield part, self.dense(test=part).T

    def pairs(self, enroll: np.ndarray, test: np.ndarray) -> np.ndarray:
        """Computes the scores (N,) of pairs given by their positions, int (N,) each."""
        if not len(enroll):
            return np.zeros(0)
        rows, row_of = np.unique(enroll, return_inverse=True)
        columns, column_of = np.unique(test, return_inverse=True)
        if len(rows) * len(columns) > DENSE_WORTH * len(enroll):
            return self._gathered(enroll, test)
        scores = np.empty(len(enroll))
        order = np.argsort(row_of, kind="stable")
        step = max(1, MOST_CELLS // len(columns))
        bounds = np.searchsorted(row_of[order], np.arange(0, len(rows) + step, step))
        for block, (start, stop) in enumerate(zip(bounds[:-1], bounds[1:], strict=True)):
            part = order[start:stop]
            dense = self.dense(rows[block * step : (block + 1) * step], columns)
            scores[part] = dense[row_of[part] - block * step, column_of[part]]
        return scores

    def _gathered(self, enroll: np.ndarray, test: np.ndarray) -> np.ndarray:
        """Computes scores pair by pair, for sparse lists."""
        scores = self.enroll_offset[enroll] + self.test_offset[self.group[enroll], test]
        step = max(1, CACHED_CELLS // self.enroll.shape[1])
        for start in range(0, len(enroll), step):
            part = slice(start, start + step)
            scores[part] += np.einsum("nd,nd->n", self.enroll[enroll[part]], self.test[test[part]])
        return scores


def cosine_scorer(enroll: np.ndarray, test: np.ndarray) -> Scorer:
    """Returns a Scorer of the cosine similarity of rows of (E, D) and rows of (T, D).

    >>> nnet.cosine_scorer(np.array([[2.0, 0.0], [0.0, 3.0]]), np.array([[1.0, 0.0]])).dense().tolist()
    [[1.0], [0.0]]
    """
    return Scorer(
        unit_length(enroll),
        unit_length(test),
        np.zeros(len(enroll)),
        np.zeros((1, len(test))),
        np.zeros(len(enroll), int),
    )


def plda_scorer(plda: Plda, enroll: np.ndarray, num_utts: np.ndarray, test: np.ndarray, **project: bool) -> Scorer:
    """Returns a Scorer of the PLDA log-likelihood ratio, same against different speakers (Ioffe 2006, eqs. 4 and 5).

    >>> plda = nnet.Plda(np.zeros(2), np.eye(2), np.array([4.0, 1.0]))
    >>> vectors = np.array([[3.0, 1.0], [-3.0, 1.0]])
    >>> scores = nnet.plda_scorer(plda, vectors, np.array([1, 1]), vectors).dense()
    >>> bool(scores[0, 0] > 0 > scores[0, 1])
    True

    Args:
        plda: a Plda.
        enroll: (E, D), each row the mean of a speaker's embeddings.
        num_utts: int (E,), number of embeddings of each mean.
        test: (T, D).
        project: options of `Plda.project`.
    """
    counts, group = np.unique(num_utts, return_inverse=True)
    enroll = plda.project(enroll, num_utts, **project)
    test = plda.project(test, **project)
    n = counts[:, None]  # (G, 1)
    gain = n * plda.psi / (n * plda.psi + 1.0)  # (G, D): expected test = gain * enrollment mean
    same = 1.0 + plda.psi / (n * plda.psi + 1.0)  # (G, D): variance around it
    different = 1.0 + plda.psi  # (D,): variance of an unknown speaker
    mean, variance = gain[group] * enroll, same[group]
    constant = 0.5 * np.sum(np.log(different) - np.log(same), axis=1)  # (G,)
    return Scorer(
        enroll=mean / variance,
        test=test,
        enroll_offset=constant[group] - 0.5 * np.sum(mean**2 / variance, axis=1),
        test_offset=0.5 * (1.0 / different - 1.0 / same) @ (test**2).T,
        group=group,
    )


def search(scorer: Scorer, top_n: int) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Finds the best enrolled speakers for each test utterance, in blocks of bounded size.

    Yields:
        (slice of test utterances, positions int (T', top_n), scores float64 (T', top_n)), best first.
    """
    num_enroll = len(scorer.enroll)
    top_n = min(top_n, num_enroll)
    for part, scores in scorer.columns():
        best = np.argpartition(scores, num_enroll - top_n, axis=1)[:, num_enroll - top_n :]
        values = np.take_along_axis(scores, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        yield part, np.take_along_axis(best, order, axis=1), np.take_along_axis(values, order, axis=1)
