"""Trains a back end from labelled embeddings: the chain of transforms, PLDA on what comes out of it, adaptation."""

import dataclasses

import numpy as np

from nnet.backend.adaptation import adapt, interpolate
from nnet.backend.directory import Backend
from nnet.backend.plda import train_plda
from nnet.backend.statistics import class_statistics
from nnet.backend.transforms import Chain, lda, wccn, whitening


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """What `train_backend` does.

    Attributes:
        lda_dim: dimensions that LDA keeps; 0 leaves LDA out.
        total_covariance_factor: see `nnet.backend.transforms.lda`.
        whiten, wccn: with whitening before LDA, with within-class covariance normalisation after it.
        normalize_length: length normalisation at the end of the chain.
        num_em_iters: steps of PLDA; 0 trains no PLDA.
    """

    lda_dim: int = 200
    total_covariance_factor: float = 0.0
    whiten: bool = False
    wccn: bool = False
    normalize_length: bool = True
    num_em_iters: int = 10


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


def adapt_backend(backend, vectors, options, recentre=True):
    """The Backend for another domain.

    Args:
        backend: trained with PLDA.
        vectors: unlabelled embeddings (N, D) of the new domain.
        options: AdaptationOptions.
        recentre: centre embeddings by the mean of the new domain from now on, as Kaldi's SRE16 recipe does.
    """
    chain = (
        dataclasses.replace(backend.chain, mean=_stored(vectors.mean(axis=0, dtype=np.float64)))
        if recentre
        else backend.chain
    )
    description = {"recentred": recentre, "num_utterances": len(vectors), **dataclasses.asdict(options)}
    plda = adapt(backend.plda, chain.apply(vectors), options)
    return Backend(chain, plda, {**backend.description, "adaptation": description})


def interpolate_backend(backend, vectors, labels, weight, recentre=True):
    """The Backend for another domain of which labelled embeddings are at hand; see `interpolate`."""
    chain = (
        dataclasses.replace(backend.chain, mean=_stored(vectors.mean(axis=0, dtype=np.float64)))
        if recentre
        else backend.chain
    )
    in_domain = train_plda(class_statistics(vectors, labels, chain.apply), backend.description["num_em_iters"])
    description = {
        "recentred": recentre,
        "num_speakers": int(labels.max()) + 1,
        "num_utterances": len(vectors),
        "method": "interpolate",
        "weight": weight,
    }
    plda = interpolate(backend.plda, in_domain, weight)
    return Backend(chain, plda, {**backend.description, "adaptation": description})


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
