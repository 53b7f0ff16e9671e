"""Domain adaptation of PLDA, from unlabeled in-domain embeddings or from an in-domain PLDA model.

W and B are the within- and between-class covariances, and T = W + B is the total covariance of the model. The excess of
a covariance S over C is the variance of S beyond C: with C whitened, the eigenvalues of S above one, minus one.
"""

import dataclasses
import logging

import numpy as np
import scipy

from nnet.backend.plda import Plda
from nnet.backend.statistics import shrunk
from nnet.backend.transforms import descending_eigenvectors
from nnet.errors import InputError
from nnet.options import option

log = logging.getLogger(__name__)

UNSUPERVISED = ("kaldi", "coral", "coral+")
ENOUGH = 20  # embeddings per dimension from which on CORAL needs no shrinkage of the covariance
LEAST_VARIANCE = 1e-10  # relative to the largest eigenvalue: keeps a singular covariance invertible


@dataclasses.dataclass(frozen=True)
class AdaptationOptions:
    """Options of the adaptation to unlabeled embeddings."""

    method: str = option("kaldi", "Method of the unsupervised adaptation.", choices=UNSUPERVISED)
    within_covar_scale: float = option(
        0.75, "Share of the excess variance that goes to the within-class covariance; kaldi and coral+ only.", low=0
    )
    between_covar_scale: float = option(
        0.25, "Share of the excess variance that goes to the between-class covariance; kaldi and coral+ only.", low=0
    )
    mean_diff_scale: float = option(
        1.0, "Weight of the difference of the means in the total covariance; kaldi only.", low=0
    )


def adapt(plda, embeddings, options):
    """Adapts a Plda to unlabeled embeddings (N, D) with the method of AdaptationOptions; returns a new Plda."""
    if len(embeddings) < 2:
        raise InputError("adaptation needs at least two embeddings")
    if not np.ptp(embeddings, axis=0).any():
        raise InputError(f"all {len(embeddings)} embeddings are equal; adaptation needs different ones")
    mean, covariance = embeddings.mean(axis=0), np.atleast_2d(np.cov(embeddings, rowvar=False, bias=True))
    if options.method == "kaldi":
        return _adapt_kaldi(plda, mean, covariance, options)
    if options.method == "coral":
        return _coral(plda, mean, _reliable(covariance, len(embeddings)))
    return _coral_plus(plda, mean, covariance, options)


def interpolate(out_of_domain, in_domain, weight):
    """Interpolates both covariances linearly; `weight` is that of the in-domain model, whose mean is used.

    Garcia-Romero and McCree, "Supervised domain adaptation for i-vector based speaker recognition", 2014.
    """
    within = weight * in_domain.within + (1 - weight) * out_of_domain.within
    between = weight * in_domain.between + (1 - weight) * out_of_domain.between
    return Plda.from_covariances(in_domain.mean, within, between)


def _adapt_kaldi(plda, mean, covariance, options):
    """Adds shares of the excess of the new covariance over T to W and B, as ivector-adapt-plda does."""
    shift = mean - plda.mean
    covariance = covariance + options.mean_diff_scale * np.outer(shift, shift)
    excess = _excess(covariance, plda.within + plda.between)
    within = plda.within + options.within_covar_scale * excess
    return Plda.from_covariances(mean, within, plda.between + options.between_covar_scale * excess)


def _reliable(covariance, count):
    """Shrinks a covariance of few embeddings: CORAL would remove the variance of poorly estimated directions."""
    if count >= ENOUGH * len(covariance):
        return covariance
    log.info("the covariance of %d embeddings in %d dimensions is shrunk for CORAL", count, len(covariance))
    return shrunk(covariance, count - 1)


def _coral(plda, mean, covariance):
    """Applies correlation alignment (Sun, Feng and Saenko 2016; for speakers Alam, Bhattacharya and Kenny 2018).

    W and B are those of training embeddings that are whitened and recolored with the covariance of the new domain.
    """
    matrix = _power(covariance, 0.5) @ _power(plda.within + plda.between, -0.5)
    return Plda.from_covariances(mean, matrix @ plda.within @ matrix.T, matrix @ plda.between @ matrix.T)


def _coral_plus(plda, mean, covariance, options):
    """Applies CORAL+ (Lee, Wang and Koshinaka 2019): adds to W and B a share of the excess of CORAL's over each."""
    aligned = _coral(plda, mean, covariance)
    within = plda.within + options.within_covar_scale * _excess(aligned.within, plda.within)
    between = plda.between + options.between_covar_scale * _excess(aligned.between, plda.between)
    return Plda.from_covariances(mean, within, between)


def _excess(covariance, reference):
    """Computes the excess of a covariance (D, D) over a reference (see the module)."""
    root, inverse_root = _power(reference, 0.5), _power(reference, -0.5)
    values, vectors = descending_eigenvectors(inverse_root @ covariance @ inverse_root.T)
    above = root @ (vectors * np.sqrt(np.maximum(values - 1.0, 0.0)))
    return above @ above.T


def _power(covariance, exponent):
    """Raises a symmetric positive semidefinite matrix (D, D) to a power."""
    values, vectors = scipy.linalg.eigh(covariance)
    values = np.maximum(values, LEAST_VARIANCE * values[-1])
    return (vectors * values**exponent) @ vectors.T
