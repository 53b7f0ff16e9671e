"""Sufficient statistics of labeled embeddings for LDA, WCCN and PLDA: class means, counts, within-class scatter."""

import dataclasses
from collections.abc import Callable

import numpy as np
import scipy

ROUNDING = 1e-9  # of the largest value: a standard deviation below it comes from rounding equal values
BLOCK_ROWS = 1 << 15


@dataclasses.dataclass(frozen=True)
class ClassStatistics:
    """Sufficient statistics of N embeddings of S speakers.

    Attributes:
        means: float64 (S, D), the mean of each speaker.
        counts: float64 (S,), embeddings of each speaker.
        scatter: float64 (D, D), sum over embeddings of (x - mean of its speaker)(x - mean of its speaker)^T.
    """

    means: np.ndarray
    counts: np.ndarray
    scatter: np.ndarray

    @property
    def num_speakers(self) -> int:
        return len(self.counts)

    @property
    def num_utterances(self) -> int:
        return int(self.counts.sum())

    @property
    def dim(self) -> int:
        return self.means.shape[1]

    @property
    def mean(self) -> np.ndarray:
        """Mean of all embeddings, equally weighted."""
        return self.counts @ self.means / self.counts.sum()

    @property
    def within_freedom(self) -> int:
        """Degrees of freedom of the within-class scatter."""
        return self.num_utterances - self.num_speakers

    def within(self) -> np.ndarray:
        """Returns the within-class covariance (D, D), divided by the number of embeddings as in Kaldi's LDA."""
        return self.scatter / self.counts.sum()

    def between(self) -> np.ndarray:
        """Returns the covariance (D, D) of the speakers' means, weighted by their counts."""
        centered = self.means - self.mean
        return (centered.T * self.counts) @ centered / self.counts.sum()

    def transformed(self, matrix: np.ndarray) -> "ClassStatistics":
        """Returns the statistics of `matrix @ x`; matrix is (D', D)."""
        return ClassStatistics(self.means @ matrix.T, self.counts, matrix @ self.scatter @ matrix.T)

    def regularized(self) -> "ClassStatistics":
        """Returns statistics with a scatter of full rank, shrunk if there are too few embeddings."""
        if self.within_freedom >= self.dim:
            return self
        scatter = shrunk(self.scatter / self.within_freedom, self.within_freedom) * self.within_freedom
        return dataclasses.replace(self, scatter=scatter)


def vary(deviations: np.ndarray, values: np.ndarray, axis: int) -> np.ndarray:
    """Returns, for each standard deviation of values along an axis, whether it is more than rounding, bool."""
    return deviations > ROUNDING * np.abs(values).max(axis=axis)


def class_statistics(
    embeddings: np.ndarray, labels: np.ndarray, transform: Callable[[np.ndarray], np.ndarray] = np.asarray
) -> ClassStatistics:
    """Accumulates the statistics of labeled embeddings in blocks.

    >>> vectors, labels = np.random.default_rng(0).normal(size=(60, 4)), np.repeat(np.arange(20), 3)
    >>> nnet.class_statistics(vectors, labels).num_speakers
    20

    Args:
        embeddings: (N, D), float32 or float64.
        labels: int (N,), 0 to S - 1, all present.
        transform: applied to each block of rows first, such as `Chain.apply`.
    """
    counts = np.bincount(labels).astype(np.float64)
    shift = transform(embeddings[: 1 << 12]).mean(axis=0, dtype=np.float64)  # avoids cancellation in the products
    sums = np.zeros((len(counts), len(shift)))
    products = np.zeros((len(shift), len(shift)))
    for start in range(0, len(embeddings), BLOCK_ROWS):
        block = transform(embeddings[start : start + BLOCK_ROWS]) - shift
        rows = labels[start : start + BLOCK_ROWS]
        members = scipy.sparse.csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), (len(counts), len(rows)))
        sums += members @ block
        products += block.T @ block
    means = sums / counts[:, None]
    scatter = products - sums.T @ means
    return ClassStatistics(means + shift, counts, (scatter + scatter.T) / 2)


def shrunk(covariance: np.ndarray, num_samples: int) -> np.ndarray:
    """Applies oracle-approximating shrinkage to a covariance of fewer samples than dimensions.

    The sample covariance is shrunk toward a multiple of the identity with the same trace (Chen, Wiesel, Eldar and
    Hero, "Shrinkage algorithms for MMSE covariance estimation", 2010, eq. 23).
    sklearn.covariance.oas needs the samples, of which only means and scatter are kept, and omits the terms in 2 / D.

    Args:
        covariance: (D, D), the sample covariance.
        num_samples: number of independent samples (degrees of freedom).

    Returns:
        (D, D), of full rank.
    """
    dim = len(covariance)
    trace, square = np.trace(covariance), np.sum(covariance**2)
    numerator = (1 - 2 / dim) * square + trace**2
    denominator = (num_samples + 1 - 2 / dim) * (square - trace**2 / dim)
    weight = min(1.0, numerator / denominator) if denominator > 0 else 1.0
    return (1 - weight) * covariance + weight * trace / dim * np.eye(dim)
