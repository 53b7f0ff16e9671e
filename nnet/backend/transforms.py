"""Transforms applied to every embedding: centering, a matrix, length normalization.

The matrix is the product of whitening, LDA and WCCN, as configured, so that a directory contains what Kaldi's programs
expect: `mean.vec` and `transform.mat`.
"""

import dataclasses
import logging

import numpy as np
import scipy

from nnet.errors import InputError

log = logging.getLogger(__name__)

EIGENVALUE_FLOOR = 1e-6  # relative to the largest; ivector-compute-lda's --covariance-floor


@dataclasses.dataclass(frozen=True)
class Chain:
    """Maps x to matrix (x - mean) + offset, then normalizes the length to sqrt(dim).

    Attributes:
        mean: float64 (D,).
        matrix: float64 (D', D), or (D', D + 1) with the offset as its last column, or None for no matrix.
        normalize_length: scale to the length sqrt(D') at the end.
    """

    mean: np.ndarray
    matrix: np.ndarray | None = None
    normalize_length: bool = True

    @property
    def input_dim(self):
        return len(self.mean)

    def apply(self, embeddings):
        """Transforms embeddings (N, D) to float64 (N, D')."""
        if embeddings.shape[1] != self.input_dim:
            raise InputError(
                f"embeddings have {embeddings.shape[1]} dimensions but the back end was trained on {self.input_dim}"
            )
        x = embeddings - self.mean
        if self.matrix is not None:
            x = affine(self.matrix, x)
        return normalized(x) if self.normalize_length else x


def affine(matrix, x):
    """Multiplies rows of x by a matrix (D', D), or (D', D + 1) with an offset column (Kaldi's transform-vec)."""
    dim = x.shape[1]
    if matrix.shape[1] not in (dim, dim + 1):
        raise InputError(f"the transform takes {matrix.shape[1]} dimensions but embeddings have {dim}")
    y = x @ matrix[:, :dim].T
    return y + matrix[:, dim] if matrix.shape[1] == dim + 1 else y


def normalized(x):
    """Scales rows to the length sqrt(D), as ivector-normalize-length does; zero rows stay zero."""
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    return x * (np.sqrt(x.shape[1]) / np.where(norms > 0, norms, np.inf))


def whitening(stats):
    """Returns the matrix (D, D) that whitens the total covariance."""
    return whitening_matrix(stats.within() + stats.between())


def lda(stats, dim, total_covariance_factor=0.0):
    """Computes linear discriminant analysis as ivector-compute-lda does.

    Args:
        stats: ClassStatistics.
        dim: dimensions to keep; reduced with a warning if there are too few speakers.
        total_covariance_factor: 0 whitens the within-class covariance, 1 the total covariance.

    Returns:
        (dim, D), the most discriminative directions first.
    """
    if stats.within_freedom < 1:
        raise InputError("LDA needs at least one speaker with two or more utterances")
    dim = _possible_dim(stats, dim)
    within, between = stats.regularized().within(), stats.between()
    whiten = whitening_matrix(within + total_covariance_factor * between)
    _, directions = descending_eigenvectors(whiten @ between @ whiten.T)
    return directions[:, :dim].T @ whiten


def wccn(stats):
    """Computes within-class covariance normalization (D, D), a Cholesky factor of the inverse (Hatch 2006)."""
    if stats.within_freedom < 1:
        raise InputError("WCCN needs at least one speaker with two or more utterances")
    values, vectors = _floored(stats.regularized().within())
    return np.linalg.inv(np.linalg.cholesky((vectors * values) @ vectors.T))


def whitening_matrix(covariance):
    """Returns the whitening matrix T (D, D) with T covariance T^T = I, except for floored eigenvalues."""
    values, vectors = _floored(covariance)
    return (vectors / np.sqrt(values)).T


def _floored(covariance):
    """Computes eigenvalues and eigenvectors; floors small eigenvalues, with a warning."""
    values, vectors = descending_eigenvectors(covariance)
    floor = EIGENVALUE_FLOOR * values[0]
    if floor <= 0:
        raise InputError("all embeddings, or those of each speaker, are equal; a back end cannot be trained on them")
    low = np.count_nonzero(values < floor)
    if low:
        log.warning("floored %d of %d eigenvalues of a covariance to %g", low, len(values), floor)
    return np.maximum(values, floor), vectors


def descending_eigenvectors(symmetric):
    """Computes eigenvalues (D,) in descending order, and eigenvectors in columns (D, D)."""
    values, vectors = scipy.linalg.eigh(symmetric)
    return values[::-1], vectors[:, ::-1]


def _possible_dim(stats, dim):
    most = min(stats.dim, stats.num_speakers - 1)
    if most < 1:
        raise InputError("LDA needs at least two speakers")
    if dim > most:
        log.warning(
            "LDA to %d dimensions instead of %d: limited by %d speakers and %d input dimensions",
            most,
            dim,
            stats.num_speakers,
            stats.dim,
        )
    if stats.within_freedom < stats.dim:
        log.warning(
            "%d utterances of %d speakers in %d dimensions: the within-class covariance is shrunk toward the identity",
            stats.num_utterances,
            stats.num_speakers,
            stats.dim,
        )
    return min(dim, most)
