"""Trains a back end from labelled embeddings: the chain of transforms, PLDA on what comes out of it, adaptation."""

import dataclasses

import numpy as np

from nnet.backend.adaptation import adapt, interpolate
from nnet.backend.directory import Backend
from nnet.backend.plda import train_plda
from nnet.backend.statistics import class_statistics
from nnet.backend.transforms import Chain, lda, wccn, whitening
from nnet.options import option


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """What `train_backend` does."""

    lda_dim: int = option(200, "Dimensions that LDA keeps; 0: no LDA.", low=0)
    total_covariance_factor: float = option(
        0.0,
        "LDA makes this mixture of the within-class (0) and the total (1) covariance the unit matrix.",
        low=0,
        high=1,
    )
    whiten: bool = option(False, "Whiten the total covariance before LDA.")
    wccn: bool = option(False, "Normalize the within-class covariance after LDA.")
    normalize_length: bool = option(True, "Scale to the length sqrt(dim) at the end.")
    num_em_iters: int = option(10, "Iterations of PLDA training; 0: no PLDA.", low=0)


def train_backend(vectors, labels, options):
    """A Backend from embeddings (N, D) and speaker labels int (N,), 0 to S - 1."""
    stats = class_statistics(vectors, labels)
    chain = Chain(_stored(stats.mean), _matrix(stats, options), options.normalize_length)
    plda = None
    if options.num_em_iters:
        plda = train_plda(class_statistics(vectors, labels, chain.apply), options.num_em_iters)
    description = {
        "num_speakers": stats.num_speakers,
        "num_utterances": stats.num_utterances,
        "embedding_dim": stats.dim,
        "dim": stats.dim if chain.matrix is None else len(chain.matrix),
        **dataclasses.asdict(options),
    }
    return Backend(chain, plda, description)


def adapt_backend(backend, vectors, options, recenter):
    """The Backend for another domain.

    Args:
        backend: trained with PLDA.
        vectors: unlabelled embeddings (N, D) of the new domain.
        options: AdaptationOptions.
        recenter: center embeddings by the mean of the new domain from now on, as Kaldi's SRE16 recipe does.
    """
    chain = _recentered(backend.chain, vectors) if recenter else backend.chain
    description = {"recentred": recenter, "num_utterances": len(vectors), **dataclasses.asdict(options)}
    plda = adapt(backend.plda, chain.apply(vectors), options)
    return Backend(chain, plda, {**backend.description, "adaptation": description})


def interpolate_backend(backend, vectors, labels, weight, recenter):
    """The Backend for another domain of which labelled embeddings are at hand; see `interpolate`."""
    chain = _recentered(backend.chain, vectors) if recenter else backend.chain
    in_domain = train_plda(class_statistics(vectors, labels, chain.apply), backend.description["num_em_iters"])
    description = {
        "recentred": recenter,
        "num_speakers": int(labels.max()) + 1,
        "num_utterances": len(vectors),
        "method": "interpolate",
        "weight": weight,
    }
    plda = interpolate(backend.plda, in_domain, weight)
    return Backend(chain, plda, {**backend.description, "adaptation": description})


def _recentered(chain, vectors):
    """The Chain with the mean of other embeddings (N, D)."""
    return dataclasses.replace(chain, mean=_stored(vectors.mean(axis=0, dtype=np.float64)))


def _matrix(stats, options):
    """The linear steps multiplied together, (D', D), or None where there are none."""
    steps = []
    if options.whiten:
        steps.append(whitening)
    if options.lda_dim:
        steps.append(lambda s: lda(s, options.lda_dim, options.total_covariance_factor))
    if options.wccn:
        steps.append(wccn)
    if not steps:
        return None
    matrix = np.eye(stats.dim)
    for step in steps:
        matrix = step(stats.transformed(matrix)) @ matrix
    return _stored(matrix)


def _stored(array):
    """Rounded to what the files hold, so that training sees what scoring will see."""
    return array.astype(np.float32).astype(np.float64)
