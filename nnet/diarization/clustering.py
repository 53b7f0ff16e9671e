"""Clusters of embeddings: whose are they, and how many speakers are there?"""

import dataclasses
import logging
from dataclasses import dataclass

import numpy as np

from nnet.backend.directory import Backend
from nnet.diarization.linkage import Dendrogram, first_level
from nnet.diarization.similarity import Points, points_of
from nnet.diarization.spectral import spectral_labels
from nnet.diarization.vbx import VbxOptions, refine
from nnet.errors import InputError
from nnet.options import option

log = logging.getLogger(__name__)

LEAST_WINDOWS = 4
SMALL_SHARE = 0.1  # of the embeddings: in a short recording, a smaller group is a speaker as well


@dataclass(frozen=True)
class ClusteringOptions:
    """Options of clustering.

    The default threshold is that of no model in particular: tune it (steps/score_diarization.sh).
    """

    cluster: str = option(
        "ahc",
        "Agglomerative clustering; spectral clustering, which is agglomerative for at most max-speakers windows; or "
        "VBx from agglomerative, which may end with fewer speakers than are asked for.",
        choices=("ahc", "spectral", "vbx"),
    )
    scores: str = option("cosine", "Similarity of embeddings; plda needs --backend.", choices=("cosine", "plda"))
    threshold: float = option(0.3, "Clusters are merged down to this mean similarity.")
    num_speakers: int | None = option(None, "Number of speakers; default: it is estimated.", low=1)
    min_speakers: int = option(1, "Minimum number of speakers.", low=1)
    max_speakers: int = option(20, "Maximum number of speakers.", low=1)
    min_cluster: int | None = option(
        None,
        "Windows of a speaker at least; smaller clusters join the most similar larger one (ahc, vbx). Default: a third "
        "of the square root of their number and at least 4, but at most a tenth of them.",
        low=1,
    )

    def __post_init__(self) -> None:
        if self.min_speakers > self.max_speakers:
            raise InputError(f"min-speakers ({self.min_speakers}) must not be above max-speakers ({self.max_speakers})")

    def with_speakers(self, num_speakers: int | None) -> "ClusteringOptions":
        """Returns the options for a recording with a known number of speakers; None: these."""
        return self if num_speakers is None else dataclasses.replace(self, num_speakers=num_speakers)

    def check(self, backend: Backend | None) -> None:
        """Raises InputError if the back end does not have what the options need."""
        if backend is not None and backend.plda is not None:
            return
        if self.cluster == "vbx":
            raise InputError(
                "--cluster vbx needs --backend DIR with a PLDA of this model's embeddings, trained by "
                "steps/train_backend.sh on speakers with several recordings each; without one, use ahc or spectral"
            )
        if self.scores == "plda":
            raise InputError(
                "--scores plda needs --backend DIR with a plda file; train one with steps/train_backend.sh"
            )

    def smallest(self, windows: float) -> float:
        """The least number of windows of a speaker in a recording with so many.

        Thirty simulated conversations of 10 speakers in one recording of an hour (4,838 windows of CAM++, at
        most 60 speakers): with at least 4 windows 42 were found, DER 14.3 %; with 12, 17 and 10.1 %; with 21, 13 and
        9.0 %. This rule gives 23.
        """
        usual = min(max(LEAST_WINDOWS, windows**0.5 / 3), SMALL_SHARE * windows)
        return min(self.min_cluster or usual, windows)

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the highest number of speakers."""
        if self.num_speakers:
            return self.num_speakers, self.num_speakers
        return self.min_speakers, self.max_speakers


@dataclass(frozen=True)
class Clusters:
    """Speakers of a sequence of embeddings.

    Attributes:
        labels: int (N,), from 0 to K - 1, in the order of their first embedding.
        scores: float64 (N, K), how well each embedding fits each speaker: mean similarities, or posteriors of VBx.
    """

    labels: np.ndarray
    scores: np.ndarray


def cluster(
    vectors: np.ndarray,
    options: ClusteringOptions = ClusteringOptions(),
    backend: Backend | None = None,
    vbx_options: VbxOptions = VbxOptions(),
) -> Clusters:
    """Clusters embeddings of one recording, in the order of time.

    Args:
        vectors: (N, D), N > 0.
        options, vbx_options: ClusteringOptions and VbxOptions.
        backend: a Backend, needed for PLDA and VBx; None: cosine of the embeddings as they are.

    Raises:
        InputError: PLDA or VBx without a PLDA, or other dimensions than the back end's.
    """
    options.check(backend)
    points = points_of(vectors, backend, options.scores)
    labels = _labels(points, options)
    if options.cluster != "vbx":
        return _in_order(labels, points.similarities(points.means(labels)))
    projected = backend.plda.project(backend.chain.apply(vectors), normalize_length=False)
    dim = min(vbx_options.vbx_dim, backend.plda.dim)
    gamma = refine(projected[:, :dim], backend.plda.psi[:dim], labels, vbx_options)
    return _in_order(gamma.argmax(axis=1), gamma)


def _labels(points, options):
    least, most = (min(bound, len(points)) for bound in options.bounds)
    if most == 1:
        return np.zeros(len(points), int)
    groups = first_level(points, np.inf if least == most else options.threshold, most)
    merged = points.means(groups)
    if options.cluster == "spectral" and len(merged) > most:
        labels = spectral_labels(merged, least, most)
        return labels[groups] if least == most else _similar_merged(merged, labels, least, options.threshold)[groups]
    return ahc_labels(merged, options)[groups]


def _similar_merged(points, labels, least, threshold):
    """Merges clusters whose mean similarity is that of one speaker: the graph of a single voice has gaps as well."""
    tree = Dendrogram(points.means(labels))
    return tree.labels(max(tree.count_at(threshold), least))[labels]


def ahc_labels(points: Points, options: ClusteringOptions) -> np.ndarray:
    """Clusters points by average linkage, int (N,) from 0 on.

    A cluster of less than `min_cluster` embeddings is not a speaker: of all cuts
    of the dendrogram whose number of larger clusters is within the bounds, the one nearest to the threshold counts, and
    its small clusters join the most similar large one.
    """
    tree = Dendrogram(points)
    small = options.smallest(points.weights.sum())
    least, most = options.bounds
    start = tree.count_at(options.threshold) if least < most else least
    for count in sorted(range(1, len(points) + 1), key=lambda count: abs(count - start)):
        labels = tree.labels(count)
        large = np.bincount(labels, points.weights) >= small
        if least <= large.sum() <= most:
            return _absorbed(points, labels, large)
    count = min(max(start, least), most, len(points))
    log.warning("no cut of the dendrogram has %s speakers of %d windows or more: cut into %d", least, small, count)
    return tree.labels(count)


def _absorbed(points, labels, large):
    """Moves the points of clusters that are not large to the most similar large cluster; renumbers them from 0."""
    if large.all():
        return labels
    means = points.means(labels)
    target = np.arange(len(large))
    target[~large] = np.flatnonzero(large)[means.select(~large).similarities(means.select(large)).argmax(axis=1)]
    return np.unique(target[labels], return_inverse=True)[1]


def _in_order(labels, scores):
    """Numbers the speakers in the order of their first embedding, and leaves out those without one."""
    used, first = np.unique(labels, return_index=True)
    order = used[np.argsort(first)]
    rank = np.full(scores.shape[1], -1)
    rank[order] = np.arange(len(order))
    return Clusters(rank[labels], scores[:, order])
