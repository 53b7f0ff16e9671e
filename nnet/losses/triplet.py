"""Triplet losses on distances: an anchor nearer to a segment of its speaker than to one of another, by a margin."""

from nnet.losses.base import Loss, LossOutput, softplus
from nnet.losses.batch import ABSENT, masked_mean, nearest_is_own, positives, same_speaker
from nnet.ops import mx
from nnet.ops.vectors import normalize


class TripletLoss(Loss):
    """What the triplet losses on distances share. The accuracy is that of the nearest other segment in the batch.

    `margin` stays in eval mode: without it the loss is zero long before the embeddings are good.
    """

    min_segments_per_speaker = 2

    def __init__(self, in_dim, num_speakers, *, margin, squared, normalize_embeddings, scale):
        super().__init__()
        self.margin, self.squared = margin, squared
        self.normalize_embeddings, self.scale = normalize_embeddings, scale

    def __call__(self, embeddings, labels):
        x = normalize(embeddings) * self.scale if self.normalize_embeddings else embeddings
        distances, same = pairwise_distances(x, self.squared), same_speaker(labels)
        return LossOutput(self.triplets(distances, same), nearest_is_own(-distances, same))

    def triplets(self, distances, same):
        """The loss, a scalar, from distances and `same_speaker`, both (B, B)."""
        raise NotImplementedError


class SemiHardTriplet(TripletLoss):
    """Triplets with semi-hard negatives (FaceNet, Schroff et al. 2015): the mean of max(d_ap − d_an + margin, 0).

    It is taken over all pairs a, p; n is the nearest of those segments of other speakers that are farther from a than p
    is; where none is, the farthest of all (as TensorFlow and tf-kaldi-speaker choose it).
    """

    def triplets(self, distances, same):
        farther = ~same[:, None] & (distances[:, None] > distances[:, :, None])  # (anchor, positive, negative)
        nearest = mx.argmin(mx.where(farther, distances[:, None], mx.inf), axis=-1)
        farthest = mx.argmax(mx.where(same, -mx.inf, distances), axis=-1, keepdims=True)
        chosen = mx.where(mx.any(farther, axis=-1), nearest, farthest)
        negative = mx.take_along_axis(distances, mx.stop_gradient(chosen), axis=1)
        pairs = positives(same) & mx.any(~same, axis=1, keepdims=True)
        return masked_mean(mx.maximum(distances - negative + self.margin, 0), pairs)


class BatchHardTriplet(TripletLoss):
    """Triplets of the hardest positive and negative of each anchor (Hermans et al. 2017, arXiv 1703.07737, eq. 5).

    max(d_ap − d_an + margin, 0), or with `soft_margin` log(1 + exp(d_ap − d_an)).
    """

    def __init__(self, in_dim, num_speakers, *, margin, squared, normalize_embeddings, scale, soft_margin):
        super().__init__(
            in_dim,
            num_speakers,
            margin=margin,
            squared=squared,
            normalize_embeddings=normalize_embeddings,
            scale=scale,
        )
        self.soft_margin = soft_margin

    def triplets(self, distances, same):
        own = positives(same)
        gap = mx.max(mx.where(own, distances, ABSENT), axis=1) - mx.min(mx.where(same, -ABSENT, distances), axis=1)
        values = softplus(gap) if self.soft_margin else mx.maximum(gap + self.margin, 0)
        return masked_mean(values, mx.any(own, axis=1) & mx.any(~same, axis=1))


def pairwise_distances(x, squared):
    """‖x_i − x_j‖ or its square between the rows of x: (B, D) → (B, B), at least 1e-6, where its gradient is 0."""
    products = x @ x.T
    lengths = mx.sum(x * x, axis=-1)
    squares = mx.maximum(lengths[:, None] + lengths - 2 * products, 1e-12)
    return squares if squared else mx.sqrt(squares)
