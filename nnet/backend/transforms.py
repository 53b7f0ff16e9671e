"""The chain that every embedding passes, in training, enrollment and test alike: centring, a matrix, length.

The matrix is whitening, LDA and WCCN, as far as they are asked for, multiplied together, so that a directory holds
what Kaldi's programs expect: `mean.vec` and `transform.mat`.
"""

import dataclasses
import logging

import numpy as np
import scipy.linalg

from nnet.errors import InputError

log = logging.getLogger(__name__)

EIGENVALUE_FLOOR = 1e-6  # relative to the largest; ivector-compute-lda's --covariance-floor


@dataclasses.dataclass(frozen=True)
class Chain:
    """x becomes matrix (x - mean) + offset, then is scaled to the length sqrt(dim).

    Attributes:
        mean: float64 (D,).
        matrix: float64 (D', D), or (D', D + 1) with the offset as its last column, or None to leave x as it is.
        normalize_length: scale to the length sqrt(D') at the end.
    """

    mean: np.ndarray
    matrix: np.ndarray | None = None
    normalize_length: bool = True

    @property
    def input_dim(self):
        return len(self.mean)

    def apply(self, embeddings):
        """(N, D) to float64 (N, D')."""
        if embeddings.shape[1] != self.input_dim:
            raise InputError(
                f"embeddings have {embeddings.shape[1]} dimensions but the back end was trained on {self.input_dim}"
            )
        x = embeddings - self.mean
        if self.matrix is not None:
            x = affine(self.matrix, x)
        return normalized(x) if self.normalize_length else x


def affine(matrix, x):
    """Rows of x through a matrix (D', D), or (D', D + 1) whose last column is added (Kaldi's transform-vec)."""
    dim = x.shape[1]
    if matrix.shape[1] not in (dim, dim + 1):
        raise InputError(f"the transform takes {matrix.shape[1]} dimensions but embeddings have {dim}")
    y = x @ matrix[:, :dim].T
    return y + matrix[:, dim] if matrix.shape[1] == dim + 1 else y


def normalized(x):
    """Rows scaled to the length sqrt(D), as ivector-normalize-length does; a row of zeros stays."""
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    return x * (np.sqrt(x.shape[1]) / np.where(norms > 0, norms, np.inf))


def whitening(stats):
    """(D, D): makes the total covariance the unit matrix."""
    return normalizing(stats.within() + stats.between())


def lda(stats, dim, total_covariance_factor=0.0):
    """Linear discriminant analysis as ivector-compute-lda does it.

    Args:
        stats: ClassStatistics.
        dim: dimensions to keep; more than the data allow are reduced, with a warning.
        total_covariance_factor: 0 makes the within-class covariance the unit matrix, 1 the total covariance.

    Returns:
        (dim, D); the directions that separate speakers best come first.
    """
    if stats.within_freedom < 1:
        raise InputError("LDA needs at least one speaker with two or more utterances")
    dim = _possible_dim(stats, dim)
    within, between = stats.regularised().within(), stats.between()
    whiten = normalizing(within + total_covariance_factor * between)
    _, directions = descending_eigenvectors(whiten @ between @ whiten.T)
    return directions[:, :dim].T @ whiten


def wccn(stats):
    """(D, D): within-class covariance normalisation, the transposed Cholesky factor of the inverse (Hatch 2006)."""
    values, vectors = _floored(stats.regularised().within())
    return np.linalg.inv(np.linalg.cholesky((vectors * values) @ vectors.T))


def normalizing(covariance):
    """(D, D) matrix T with T covariance T^T = I, as far as its eigenvalues are above the floor."""
    values, vectors = _floored(covariance)
    return (vectors / np.sqrt(values)).T


def _floored(covariance):
    """Eigenvalues and eigenvectors; small eigenvalues are raised to the floor, and that is said."""
    values, vectors = descending_eigenvectors(covariance)
    floor = EIGENVALUE_FLOOR * values[0]
    if floor <= 0:
        raise InputError("the embeddings do not vary; nothing can be trained on them")
    low = np.count_nonzero(values < floor)
    if low:
        log.warning("%d of %d eigenvalues of a covariance were raised to %g", low, len(values), floor)
    return np.maximum(values, floor), vectors


def descending_eigenvectors(symmetric):
    """Eigenvalues (D,), the largest first, and eigenvectors in columns (D, D)."""
    values, vectors = scipy.linalg.eigh(symmetric)
    return values[::-1], vectors[:, ::-1]


def _possible_dim(stats, dim):
    most = min(stats.dim, stats.num_speakers - 1)
    if most < 1:
        raise InputError("LDA needs at least two speakers")
    if dim > most:
        log.warning(
            "LDA to %d dimensions instead of %d: %d speakers in %d dimensions separate no more",
            most,
            dim,
            stats.num_speakers,
            stats.dim,
        )
    if stats.within_freedom < stats.dim:
        log.warning(
            "%d utterances of %d speakers in %d dimensions: the within-class covariance is shrunk towards a sphere",
            stats.num_utterances,
            stats.num_speakers,
            stats.dim,
        )
    return min(dim, most)
