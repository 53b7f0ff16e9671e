"""Losses on the similarity of segments and the batch's speaker centroids: GE2E and prototypical networks."""

from dataclasses import dataclass

from nnet.losses.base import Loss, LossOutput, log_sum_exp
from nnet.losses.batch import ABSENT, masked_mean, same_speaker
from nnet.ops import mx
from nnet.ops.vectors import normalize
from nnet.options import option

# Lower bound of the learned scale of cosines.
_LEAST_SCALE = 1e-6


@dataclass(frozen=True)
class CentroidOptions:
    """Initial values of the learned scale and bias of cosines."""

    initial_scale: float = option(10.0, "Initial scale of the cosines; it is learned.", above=0)
    initial_bias: float = option(-5.0, "Initial bias added to the cosines; it is learned.")


class CentroidLoss(Loss):
    """Base class of losses on cosines w·cos + b with w and b learned (w > 0).

    The accuracy is the share of the compared segments that are nearest to their own speaker's centroid.
    """

    min_segments_per_speaker = 2

    def __init__(self, in_dim: int, num_speakers: int, options: CentroidOptions):
        super().__init__(options)
        self.scale = mx.array([options.initial_scale])
        self.bias = mx.array([options.initial_bias])

    def positive_scale(self):
        """w, (1,)."""
        return mx.maximum(self.scale, _LEAST_SCALE)


@dataclass(frozen=True)
class GE2EOptions(CentroidOptions):
    """Generalized end-to-end loss: cosines of segments with centroids."""

    variant: str = option(
        "softmax",
        "softmax: over the speakers of the batch; contrast: with the nearest other speaker.",
        choices=("softmax", "contrast"),
    )


class GE2E(CentroidLoss):
    """Generalized end-to-end loss (Wan et al. 2018, arXiv 1710.10467, eq. 5-9), averaged over the segments.

    Each segment is compared with the centroids of all speakers of the batch; its own speaker's centroid excludes the
    segment. `variant` "softmax" is eq. 6, "contrast" eq. 7.
    """

    def __init__(self, in_dim: int, num_speakers: int, options: GE2EOptions = GE2EOptions()):
        super().__init__(in_dim, num_speakers, options)

    def __call__(self, embeddings, labels):
        if self.options.variant == "softmax":
            return ge2e_softmax(embeddings, labels, self.positive_scale(), self.bias)
        own, others, counted = centroid_cosines(embeddings, labels)
        own, others = (mx.sigmoid(self.positive_scale() * s + self.bias) for s in (own, others))
        hardest = mx.max(others, axis=-1)
        return LossOutput(masked_mean(1 - own + hardest, counted), _accuracy(own, others, counted))


def ge2e_softmax(embeddings, labels, scale, bias):
    """Computes GE2E's softmax loss (Wan et al. 2018, eq. 6) and accuracy: (B, D), (B,) → LossOutput."""
    own, others, counted = centroid_cosines(embeddings, labels)
    logits = mx.concatenate([own[:, None], others], axis=-1) * scale + bias
    return LossOutput(masked_mean(log_sum_exp(logits) - logits[:, 0], counted), _accuracy(own, others, counted))


def centroid_cosines(embeddings, labels):
    """Computes cosines of segments with speaker centroids (Wan et al. 2018, eq. 1, 8, 9).

    Returns:
        own: with the own speaker's centroid, which excludes the segment itself, (B,).
        others: with the other speakers' centroids, each in the column of the speaker's first segment, (B, B); ABSENT in
            all other columns.
        counted: whether the segment's speaker has other segments in the batch, (B,).
    """
    x = normalize(embeddings)
    same = same_speaker(labels)
    sums = same.astype(x.dtype) @ x  # (B, D), of the row's speaker
    own = mx.sum(x * normalize(sums - x), axis=-1)
    first = mx.sum(mx.tril(same.astype(mx.int32), -1), axis=1) == 0
    others = mx.where(first & ~same, x @ normalize(sums).T, ABSENT)
    return own, others, mx.sum(same, axis=1) > 1


def _accuracy(own, others, counted):
    return masked_mean((own > mx.max(others, axis=-1)).astype(mx.float32), counted)


def prototypes(embeddings, labels):
    """Splits a batch into queries (the last segment of each speaker) and prototypes (the mean of its other segments).

    Returns:
        (prototypes (B, D) in the rows of the queries, mask (B,) of the queries)
    """
    same = same_speaker(labels)
    others = mx.sum(same, axis=1) - 1
    sums = same.astype(embeddings.dtype) @ embeddings - embeddings
    last = mx.sum(mx.triu(same.astype(mx.int32), 1), axis=1) == 0
    return sums / mx.maximum(others, 1)[:, None], last & (others > 0)


def query_loss(similarities, queries):
    """Computes the cross entropy over queries i of similarities (B, B) with prototypes j; the target is j = i."""
    logits = mx.where(queries[None], similarities, ABSENT)
    own = mx.diagonal(logits)
    right = (own >= mx.max(logits, axis=-1)).astype(mx.float32)
    return LossOutput(masked_mean(log_sum_exp(logits) - own, queries), masked_mean(right, queries))


@dataclass(frozen=True)
class PrototypicalOptions:
    """Prototypical networks: squared distances of queries from prototypes."""


class Prototypical(Loss):
    """Prototypical networks (Snell et al. 2017, eq. 1-2; Chung et al. 2020 for speakers): softmax over −‖query −
    prototype‖². The accuracy is the share of queries that are nearest to their own speaker's prototype."""

    min_segments_per_speaker = 2

    def __init__(self, in_dim: int, num_speakers: int, options: PrototypicalOptions = PrototypicalOptions()):
        super().__init__(options)

    def __call__(self, embeddings, labels):
        centers, queries = prototypes(embeddings, labels)
        lengths = mx.sum(centers * centers, axis=-1)
        squares = mx.sum(embeddings * embeddings, axis=-1, keepdims=True) - 2 * embeddings @ centers.T + lengths
        return query_loss(-squares, queries)


@dataclass(frozen=True)
class AngularPrototypicalOptions(CentroidOptions):
    """Angular prototypical loss: cosines of queries with prototypes."""


class AngularPrototypical(CentroidLoss):
    """Angular prototypical loss (Chung et al. 2020, arXiv 2003.11982): softmax over w·cos(query, prototype) + b."""

    def __init__(
        self, in_dim: int, num_speakers: int, options: AngularPrototypicalOptions = AngularPrototypicalOptions()
    ):
        super().__init__(in_dim, num_speakers, options)

    def __call__(self, embeddings, labels):
        centers, queries = prototypes(embeddings, labels)
        cosine = normalize(embeddings) @ normalize(centers).T
        return query_loss(self.positive_scale() * cosine + self.bias, queries)
