"""Two-covariance probabilistic linear discriminant analysis (PLDA) in Kaldi's parametrization (after Ioffe, 2006)."""

import dataclasses
import logging

import numpy as np
import scipy
from threadpoolctl import threadpool_limits

from nnet.backend.statistics import ClassStatistics
from nnet.backend.transforms import descending_eigenvectors
from nnet.errors import InputError

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Plda:
    """PLDA model x = speaker + session, with Gaussian speaker (between-class) and session (within-class) terms.

    >>> nnet.Plda(mean=np.zeros(2), transform=np.eye(2), psi=np.array([4.0, 1.0])).between.tolist()
    [[4.0, 0.0], [0.0, 1.0]]

    Attributes:
        mean: float64 (D,), mean of x.
        transform: float64 (D, D); transform (x - mean) has an identity within-class covariance and a diagonal
            between-class covariance.
        psi: float64 (D,), that diagonal in descending order.
    """

    mean: np.ndarray
    transform: np.ndarray
    psi: np.ndarray

    @classmethod
    def from_covariances(cls, mean: np.ndarray, within: np.ndarray, between: np.ndarray) -> "Plda":
        """Builds the model from within- and between-class covariances (D, D)."""
        try:
            whiten = scipy.linalg.inv(scipy.linalg.cholesky(within, lower=True))
        except scipy.linalg.LinAlgError:
            raise InputError(
                "PLDA: the utterances of a speaker do not vary in some direction of the embeddings (do they have fewer "
                "dimensions than they seem to, or are utterances repeated?); reduce the dimensions by LDA (--lda-dim)"
            ) from None
        psi, directions = descending_eigenvectors(whiten @ between @ whiten.T)
        return cls(mean, directions.T @ whiten, np.maximum(psi, 0.0))

    @property
    def dim(self) -> int:
        return len(self.mean)

    @property
    def within(self) -> np.ndarray:
        """Within-class covariance (D, D)."""
        back = np.linalg.inv(self.transform)
        return back @ back.T

    @property
    def between(self) -> np.ndarray:
        """Between-class covariance (D, D)."""
        back = np.linalg.inv(self.transform)
        return (back * self.psi) @ back.T

    def project(
        self,
        x: np.ndarray,
        num_utts: int | np.ndarray = 1,
        normalize_length: bool = True,
        simple_length_normalization: bool = False,
    ) -> np.ndarray:
        """Transforms embeddings to the space where the covariances are diagonal.

        Args:
            x: (N, D).
            num_utts: number of embeddings each row is the mean of; a number or (N,).
            normalize_length: scale each row to the length expected from its covariance, psi + 1 / num_utts.
            simple_length_normalization: scale to sqrt(D) instead.

        Returns:
            float64 (N, D).
        """
        if x.shape[1] != self.dim:
            raise InputError(f"embeddings have {x.shape[1]} dimensions but the PLDA model has {self.dim}")
        y = (x - self.mean) @ self.transform.T
        if not normalize_length:
            return y
        if simple_length_normalization:
            weight = np.ones(self.dim)
        else:
            weight = 1.0 / (self.psi + 1.0 / np.reshape(num_utts, (-1, 1)))  # (N, D) or (1, D)
        length = np.sum(y**2 * weight, axis=1, keepdims=True)
        return y * np.sqrt(self.dim / np.where(length > 0, length, np.inf))

    def smoothed(self, factor: float) -> "Plda":
        """Adds `factor` times the between-class covariance to the within-class covariance; returns a new model."""
        scale = 1.0 + factor * self.psi
        return Plda(self.mean, self.transform / np.sqrt(scale)[:, None], self.psi / scale)

    def transformed(self, matrix: np.ndarray) -> "Plda":
        """Returns the model of `matrix @ x`; matrix is (D', D)."""
        return Plda.from_covariances(
            matrix @ self.mean, matrix @ self.within @ matrix.T, matrix @ self.between @ matrix.T
        )


def train_plda(stats: ClassStatistics, num_iters: int = 10) -> Plda:
    """Trains PLDA by expectation maximization, with Kaldi's initialization and updates.

    Each iteration works in the space where both covariances are diagonal, so that the posterior of a speaker's mean
    needs no matrix inversion; the result is the same.

    >>> vectors, labels = np.random.default_rng(0).normal(size=(60, 4)), np.repeat(np.arange(20), 3)
    >>> plda = nnet.train_plda(nnet.class_statistics(vectors, labels))

    Args:
        stats: ClassStatistics of the training embeddings.
        num_iters: EM iterations.

    Raises:
        InputError: no speaker has two utterances.
    """
    if stats.within_freedom < 1:
        raise InputError("PLDA needs at least one speaker with two or more utterances")
    _warn_of_little_data(stats)
    stats = stats.regularized()
    mean = stats.means.mean(axis=0)  # equal weight for each speaker
    within = between = np.eye(stats.dim)
    with threadpool_limits(1):  # matrices of this size are too small for several threads
        for step in range(num_iters):
            model = Plda.from_covariances(mean, within, between)
            within, between = _em_step(model, stats)
            log.info(
                "PLDA iteration %d: trace within %.5g, between %.5g", step + 1, np.trace(within), np.trace(between)
            )
    model = Plda.from_covariances(mean, within, between)
    known = np.arange(model.dim) < stats.num_speakers - 1
    return dataclasses.replace(model, psi=np.where(known, model.psi, 0.0))


def _em_step(model: Plda, stats: ClassStatistics) -> tuple[np.ndarray, np.ndarray]:
    """Performs one EM iteration; returns the within- and between-class covariances of the embeddings."""
    means = (stats.means - model.mean) @ model.transform.T  # (S, D)
    counts = stats.counts[:, None]
    posterior_variance = model.psi / (1.0 + counts * model.psi)  # (S, D), of the speaker's mean
    centers = counts * posterior_variance * means
    offsets = means - centers
    between = centers.T @ centers + np.diag(posterior_variance.sum(axis=0))
    within = model.transform @ stats.scatter @ model.transform.T
    within += (offsets.T * stats.counts) @ offsets + np.diag((counts * posterior_variance).sum(axis=0))
    back = np.linalg.inv(model.transform)
    within = back @ within @ back.T / stats.counts.sum()
    between = back @ between @ back.T / stats.num_speakers
    return (within + within.T) / 2, (between + between.T) / 2


def _warn_of_little_data(stats: ClassStatistics) -> None:
    if stats.num_speakers <= stats.dim:
        log.warning(
            "PLDA of %d dimensions from %d speakers: only %d dimensions can separate speakers, the rest is ignored",
            stats.dim,
            stats.num_speakers,
            stats.num_speakers - 1,
        )
    if stats.within_freedom < stats.dim:
        log.warning(
            "PLDA of %d dimensions from %d utterances: the within-class covariance is shrunk toward the identity",
            stats.dim,
            stats.num_utterances,
        )
