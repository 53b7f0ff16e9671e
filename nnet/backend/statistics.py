"""What LDA, WCCN and PLDA need to know of labelled embeddings: class means, counts and the within-class scatter."""

import dataclasses
from collections.abc import Callable

import numpy as np
import scipy.sparse

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
        """The mean of all embeddings, each with the same weight."""
        return self.counts @ self.means / self.counts.sum()

    @property
    def within_freedom(self) -> int:
        """How many independent samples the within-class scatter is made of."""
        return self.num_utterances - self.num_speakers

    def within(self) -> np.ndarray:
        """Within-class covariance (D, D), normalised by the number of embeddings as Kaldi's LDA does."""
        return self.scatter / self.counts.sum()

    def between(self) -> np.ndarray:
        """Covariance (D, D) of the speakers' means, each weighted by its count."""
        centred = self.means - self.mean
        return (centred.T * self.counts) @ centred / self.counts.sum()

    def transformed(self, matrix: np.ndarray) -> "ClassStatistics":
        """The statistics of `matrix @ x`; matrix is (D', D)."""
        return ClassStatistics(self.means @ matrix.T, self.counts, matrix @ self.scatter @ matrix.T)

    def regularised(self) -> "ClassStatistics":
        """With a scatter of full rank: itself, or shrunk where the data cannot fill all dimensions."""
        if self.within_freedom >= self.dim:
            return self
        scatter = shrunk(self.scatter / self.within_freedom, self.within_freedom) * self.within_freedom
        return dataclasses.replace(self, scatter=scatter)


def class_statistics(
    embeddings: np.ndarray, labels: np.ndarray, transform: Callable[[np.ndarray], np.ndarray] = np.asarray
) -> ClassStatistics:
    """Accumulates the statistics of labelled embeddings in blocks.

    >>> vectors, labels = np.random.default_rng(0).normal(size=(60, 4)), np.repeat(np.arange(20), 3)
    >>> nnet.class_statistics(vectors, labels).num_speakers
    20

    Args:
        embeddings: (N, D), float32 or float64.
        labels: int (N,), 0 to S - 1, every one of them present.
        transform: what each block of rows passes first, such as `Chain.apply`.
    """
    counts = np.bincount(labels).astype(np.float64)
    shift = transform(embeddings[: 1 << 12]).mean(axis=0, dtype=np.float64)  # keeps the products from cancelling
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
    """A covariance of full rank from fewer samples than dimensions: oracle-approximating shrinkage.

    The sample covariance is moved towards a multiple of the unit matrix with the same trace (Chen, Wiesel, Eldar and
    Hero, "Shrinkage algorithms for MMSE covariance estimation", 2010, eq. 23).
    sklearn.covariance.oas needs the samples, of which only means and scatter are kept, and omits the terms in 2 / D.

    Args:
        covariance: (D, D), the sample covariance.
        num_samples: how many independent samples it was made of.
    """
    dim = len(covariance)
    trace, square = np.trace(covariance), np.sum(covariance**2)
    numerator = (1 - 2 / dim) * square + trace**2
    denominator = (num_samples + 1 - 2 / dim) * (square - trace**2 / dim)
    weight = min(1.0, numerator / denominator) if denominator > 0 else 1.0
    return (1 - weight) * covariance + weight * trace / dim * np.eye(dim)
