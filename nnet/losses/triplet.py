"""Triplet losses on distances: an anchor must be closer to its own speaker's segments than to others, by a margin."""

from dataclasses import dataclass

from nnet.losses.base import Loss, LossOutput, softplus
from nnet.losses.batch import ABSENT, masked_mean, nearest_neighbor_accuracy, positive_pairs, same_speaker
from nnet.ops import mx
from nnet.ops.vectors import normalize
from nnet.options import option


@dataclass(frozen=True)
class TripletOptions:
    """Distance measure and margin."""

    margin: float = option(0.2, "Distance by which segments of other speakers must be farther away.", low=0)
    squared: bool = option(True, "Use squared distances.")
    normalize_embeddings: bool = option(True, "Scale every embedding to the length `scale` first.")
    scale: float = option(1.0, "Length of the embeddings with normalize_embeddings.", above=0)


class TripletLoss(Loss):
    """What the triplet losses on distances share. The accuracy is that of the nearest other segment in the batch.

    `margin` stays in eval mode: without it the loss is zero long before the embeddings are good.
    """

    min_segments_per_speaker = 2

    def __init__(self, in_dim: int, num_speakers: int, options: TripletOptions):
        super().__init__(options)

    def __call__(self, embeddings, labels):
        options = self.options
        x = normalize(embeddings) * options.scale if options.normalize_embeddings else embeddings
        distances, same = pairwise_distances(x, options.squared), same_speaker(labels)
        return LossOutput(self.triplets(distances, same), nearest_neighbor_accuracy(-distances, same))

    def triplets(self, distances, same):
        """The loss, a scalar, from distances and `same_speaker`, both (B, B)."""
        raise NotImplementedError


@dataclass(frozen=True)
class SemiHardTripletOptions(TripletOptions):
    """Triplets with semi-hard negatives (FaceNet)."""


class SemiHardTriplet(TripletLoss):
    """Triplets with semi-hard negatives (FaceNet, Schroff et al. 2015): the mean of max(d_ap − d_an + margin, 0).

    It is taken over all pairs a, p; n is the nearest of those segments of other speakers that are farther from a than p
    is; where none is, the farthest of all (as TensorFlow and tf-kaldi-speaker choose it).
    """

    def __init__(self, in_dim: int, num_speakers: int, options: SemiHardTripletOptions = SemiHardTripletOptions()):
        super().__init__(in_dim, num_speakers, options)

    def triplets(self, distances, same):
        farther = ~same[:, None] & (distances[:, None] > distances[:, :, None])  # (anchor, positive, negative)
        nearest = mx.argmin(mx.where(farther, distances[:, None], mx.inf), axis=-1)
        farthest = mx.argmax(mx.where(same, -mx.inf, distances), axis=-1, keepdims=True)
        chosen = mx.where(mx.any(farther, axis=-1), nearest, farthest)
        negative = mx.take_along_axis(distances, mx.stop_gradient(chosen), axis=1)
        pairs = positive_pairs(same) & mx.any(~same, axis=1, keepdims=True)
        return masked_mean(mx.maximum(distances - negative + self.options.margin, 0), pairs)


@dataclass(frozen=True)
class BatchHardTripletOptions(TripletOptions):
    """Triplets of the hardest positive and negative of each anchor in the batch."""

    squared: bool = option(False, "Use squared distances.")
    soft_margin: bool = option(False, "log(1 + exp(.)) instead of the margin.")


class BatchHardTriplet(TripletLoss):
    """Triplets of the hardest positive and negative of each anchor (Hermans et al. 2017, arXiv 1703.07737, eq. 5).

    max(d_ap − d_an + margin, 0), or with `soft_margin` log(1 + exp(d_ap − d_an)).
    """

    def __init__(self, in_dim: int, num_speakers: int, options: BatchHardTripletOptions = BatchHardTripletOptions()):
        super().__init__(in_dim, num_speakers, options)

    def triplets(self, distances, same):
        own = positive_pairs(same)
        gap = mx.max(mx.where(own, distances, ABSENT), axis=1) - mx.min(mx.where(same, -ABSENT, distances), axis=1)
        values = softplus(gap) if self.options.soft_margin else mx.maximum(gap + self.options.margin, 0)
        return masked_mean(values, mx.any(own, axis=1) & mx.any(~same, axis=1))


def pairwise_distances(x, squared):
    """‖x_i − x_j‖ or its square between the rows of x: (B, D) → (B, B), at least 1e-6, where its gradient is 0."""
    products = x @ x.T
    lengths = mx.sum(x * x, axis=-1)
    squares = mx.maximum(lengths[:, None] + lengths - 2 * products, 1e-12)
    return squares if squared else mx.sqrt(squares)
