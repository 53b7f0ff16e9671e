"""Training of a back end on labeled embeddings: chain of transforms, PLDA on its output, domain adaptation."""

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
    """Options of `train_backend`."""

    lda_dim: int = option(200, "Dimensions that LDA keeps; 0: no LDA.", low=0)
    total_covariance_factor: float = option(
        0.0,
        "LDA whitens this interpolation of the within-class (0) and the total (1) covariance.",
        low=0,
        high=1,
    )
    whiten: bool = option(False, "Whiten the total covariance before LDA.")
    wccn: bool = option(False, "Normalize the within-class covariance after LDA.")
    normalize_length: bool = option(True, "Normalize the length to sqrt(dim) at the end.")
    num_em_iters: int = option(10, "Iterations of PLDA training; 0: no PLDA.", low=0)


def train_backend(vectors, labels, options):
    """Trains a Backend on embeddings (N, D) with speaker labels int (N,), 0 to S - 1."""
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
    """Adapts a Backend to a new domain.

    Args:
        backend: trained with PLDA.
        vectors: unlabeled embeddings (N, D) of the new domain.
        options: AdaptationOptions.
        recenter: subtract the mean of the new domain instead of the training mean, as Kaldi's SRE16 recipe does.
    """
    chain = _recentered(backend.chain, vectors) if recenter else backend.chain
    description = {"recentred": recenter, "num_utterances": len(vectors), **dataclasses.asdict(options)}
    plda = adapt(backend.plda, chain.apply(vectors), options)
    return Backend(chain, plda, {**backend.description, "adaptation": description})


def interpolate_backend(backend, vectors, labels, weight, recenter):
    """Adapts a Backend to a new domain with labeled embeddings; see `interpolate`."""
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
    """Returns the Chain with the mean of embeddings (N, D)."""
    return dataclasses.replace(chain, mean=_stored(vectors.mean(axis=0, dtype=np.float64)))


def _matrix(stats, options):
    """Multiplies the linear transforms together, (D', D); None if there are none."""
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
    """Rounds to the single precision of the files, so that training and scoring use the same values."""
    return array.astype(np.float32).astype(np.float64)
