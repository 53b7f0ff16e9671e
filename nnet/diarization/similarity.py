"""Similarities of embeddings in a form whose mean over two groups follows from the means of the groups.

A cosine and a log-likelihood ratio of PLDA are both s(i, j) = x_i · x_j + a_i + a_j. The mean of s over all pairs of
two groups therefore is the same expression of the groups' means of x and a: average linkage needs no similarity of
single embeddings once they are in groups, and no matrix of all pairs has to be held.
"""

from dataclasses import dataclass

import numpy as np

from nnet.backend.directory import Backend
from nnet.backend.embeddings import unit_length
from nnet.backend.plda import Plda


@dataclass(frozen=True)
class Points:
    """Embeddings, or means of groups of them, with s(i, j) = x_i · x_j + a_i + a_j.

    Attributes:
        vectors: float64 (N, D), the x.
        offsets: float64 (N,), the a.
        weights: float64 (N,), number of embeddings that a point is the mean of.
    """

    vectors: np.ndarray
    offsets: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.vectors)

    def similarities(self, others: "Points | None" = None) -> np.ndarray:
        """Computes s between these points and others (default: these): (N, M)."""
        others = others or self
        scores = self.vectors @ others.vectors.T
        scores += self.offsets[:, None]
        scores += others.offsets
        return scores

    def select(self, rows: slice | np.ndarray) -> "Points":
        """Returns some of the points."""
        return Points(self.vectors[rows], self.offsets[rows], self.weights[rows])

    def means(self, labels: np.ndarray) -> "Points":
        """Returns the weighted means of groups, given each point's group, int (N,), from 0 to G - 1."""
        weights = np.bincount(labels, self.weights)
        shares = self.weights / weights[labels]
        vectors = np.zeros((len(weights), self.vectors.shape[1]))
        np.add.at(vectors, labels, self.vectors * shares[:, None])
        return Points(vectors, np.bincount(labels, self.offsets * shares), weights)


def cosine_points(vectors: np.ndarray) -> Points:
    """Returns the Points whose similarity is the cosine of rows of (N, D)."""
    unit = unit_length(vectors)
    return Points(unit, np.zeros(len(unit)), np.ones(len(unit)))


def plda_points(plda: Plda, vectors: np.ndarray) -> Points:
    """Returns the Points whose similarity is PLDA's log-likelihood ratio of rows of (N, D), one utterance against one.

    In the space where the within-class covariance is the identity and the between-class covariance is diag(psi), the
    ratio of `nnet.backend.scoring.plda_scorer` is, per dimension with t = 1 + psi and d = t² - psi²,
    psi / d · x y - psi² / (2 t d) · (x² + y²) + log t - log(d) / 2.
    """
    x, psi = plda.project(vectors), plda.psi
    total = 1.0 + psi
    determinant = total**2 - psi**2
    constant = np.sum(np.log(total) - 0.5 * np.log(determinant))
    offsets = 0.5 * constant - (x**2) @ (psi**2 / (2 * total * determinant))
    return Points(x * np.sqrt(psi / determinant), offsets, np.ones(len(x)))


def points_of(vectors: np.ndarray, backend: Backend | None, method: str) -> Points:
    """Returns the Points of embeddings (N, D).

    Args:
        vectors: (N, D).
        backend: centers and transforms the embeddings; None: the cosine of the embeddings as they are.
        method: "cosine", or "plda" with a back end that has one.
    """
    transformed = vectors.astype(np.float64) if backend is None else backend.chain.apply(vectors)
    return plda_points(backend.plda, transformed) if method == "plda" else cosine_points(transformed)
