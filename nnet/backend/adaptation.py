"""Moves a PLDA model to another domain, from unlabelled embeddings of it or from a model trained there.

In what follows W and B are the within- and between-class covariances, and T = W + B is what the model expects of all
embeddings together. "The excess of S over C" is the part of S beyond C: in the space where C is the unit matrix,
the directions in which S has a variance above one, with what is above one.
"""

import dataclasses
import logging

import numpy as np
import scipy.linalg

from nnet.backend.plda import Plda
from nnet.backend.statistics import shrunk
from nnet.backend.transforms import descending_eigenvectors
from nnet.errors import InputError
from nnet.options import option

log = logging.getLogger(__name__)

UNSUPERVISED = ("kaldi", "coral", "coral+")
ENOUGH = 20  # embeddings a dimension, of which CORAL takes the covariance as it is
LEAST_VARIANCE = 1e-10  # of the largest one: keeps a singular covariance invertible


@dataclasses.dataclass(frozen=True)
class AdaptationOptions:
    """How a model is adapted to unlabelled embeddings."""

    method: str = option("kaldi", "How, where speakers are unknown.", choices=UNSUPERVISED)
    within_covar_scale: float = option(
        0.75, "Share of the excess variance that goes to the within-class covariance; kaldi and coral+ only.", low=0
    )
    between_covar_scale: float = option(
        0.25, "Share of the excess variance that goes to the between-class covariance; kaldi and coral+ only.", low=0
    )
    mean_diff_scale: float = option(
        1.0, "How much of the difference of the means counts as variance; kaldi only.", low=0
    )


def adapt(plda, embeddings, options):
    """A Plda adapted to unlabelled embeddings (N, D) by the method that AdaptationOptions name."""
    if len(embeddings) < 2:
        raise InputError("adaptation needs at least two embeddings")
    mean, covariance = embeddings.mean(axis=0), np.cov(embeddings, rowvar=False, bias=True)
    if options.method == "kaldi":
        return _adapt_kaldi(plda, mean, covariance, options)
    if options.method == "coral":
        return _coral(plda, mean, _reliable(covariance, len(embeddings)))
    return _coral_plus(plda, mean, covariance, options)


def interpolate(out_of_domain, in_domain, weight):
    """Linear interpolation of both covariances; `weight` is that of the in-domain model, whose mean is taken.

    Garcia-Romero and McCree, "Supervised domain adaptation for i-vector based speaker recognition", 2014.
    """
    within = weight * in_domain.within + (1 - weight) * out_of_domain.within
    between = weight * in_domain.between + (1 - weight) * out_of_domain.between
    return Plda.from_covariances(in_domain.mean, within, between)


def _adapt_kaldi(plda, mean, covariance, options):
    """What ivector-adapt-plda does: the excess of the new covariance over T is shared out between W and B."""
    shift = mean - plda.mean
    covariance = covariance + options.mean_diff_scale * np.outer(shift, shift)
    excess = _excess(covariance, plda.within + plda.between)
    within = plda.within + options.within_covar_scale * excess
    return Plda.from_covariances(mean, within, plda.between + options.between_covar_scale * excess)


def _reliable(covariance, count):
    """CORAL takes a covariance as it is, and the directions that few embeddings hardly fill would lose all variance."""
    if count >= ENOUGH * len(covariance):
        return covariance
    log.info("the covariance of %d embeddings in %d dimensions is shrunk for CORAL", count, len(covariance))
    return shrunk(covariance, count - 1)


def _coral(plda, mean, covariance):
    """Correlation alignment (Sun, Feng and Saenko 2016; Alam, Bhattacharya and Kenny 2018 for speakers).

    Training embeddings would be whitened and given the covariance of the new domain; their W and B follow.
    """
    matrix = _power(covariance, 0.5) @ _power(plda.within + plda.between, -0.5)
    return Plda.from_covariances(mean, matrix @ plda.within @ matrix.T, matrix @ plda.between @ matrix.T)


def _coral_plus(plda, mean, covariance, options):
    """CORAL+ (Lee, Wang and Koshinaka 2019): W and B grow by a share of CORAL's excess over each, and never shrink."""
    aligned = _coral(plda, mean, covariance)
    within = plda.within + options.within_covar_scale * _excess(aligned.within, plda.within)
    between = plda.between + options.between_covar_scale * _excess(aligned.between, plda.between)
    return Plda.from_covariances(mean, within, between)


def _excess(covariance, reference):
    """The excess of one covariance (D, D) over another."""
    root, inverse_root = _power(reference, 0.5), _power(reference, -0.5)
    values, vectors = descending_eigenvectors(inverse_root @ covariance @ inverse_root.T)
    above = root @ (vectors * np.sqrt(np.maximum(values - 1.0, 0.0)))
    return above @ above.T


def _power(covariance, exponent):
    """A power of a symmetric matrix (D, D)."""
    values, vectors = scipy.linalg.eigh(covariance)
    values = np.maximum(values, LEAST_VARIANCE * values[-1])
    return (vectors * values**exponent) @ vectors.T
