"""tf-kaldi-speaker's triplet loss on cosines, with the margins of the softmax losses."""

from dataclasses import dataclass

from nnet.errors import InputError
from nnet.losses.additive import add_angle
from nnet.losses.base import Loss, LossOutput
from nnet.losses.batch import ABSENT, masked_mean, nearest_neighbor_accuracy, positive_pairs, same_speaker
from nnet.losses.end_to_end import ge2e_softmax
from nnet.losses.margins import multiple_angle
from nnet.ops import mx
from nnet.ops.vectors import normalize
from nnet.options import option

# Scale of the GE2E loss by which tf-kaldi-speaker validates this loss.
_VALID_SCALE = 20.0


@dataclass(frozen=True)
class AngularTripletOptions:
    """Triplets on cosines, as in tf-kaldi-speaker."""

    margin: float = option(0.2, "Margin of margin_type: 1, 2 or 4 for a_softmax.", low=0)
    margin_type: str = option(
        "additive_margin",
        "The softmax loss whose margin applies to the positive pair.",
        choices=("a_softmax", "additive_margin", "additive_angular_margin"),
    )
    selection: str = option(
        "all",
        "all: every triplet with a loss above 0; hard: the hardest one of each anchor.",
        choices=("all", "hard"),
    )


class AngularTriplet(Loss):
    """max(cos θ_an − ψ(θ_ap), 0), ψ being cos with one of the softmax losses' margins (tf-kaldi-speaker).

    `selection` "all": the mean over all triplets with a loss above 0; "hard": the mean over anchors, with the smallest
    ψ(θ_ap) and the largest cos θ_an of each. In eval mode it is the GE2E loss of the batch, without margin, scale 20.
    """

    min_segments_per_speaker = 2

    def __init__(self, in_dim: int, num_speakers: int, options: AngularTripletOptions = AngularTripletOptions()):
        super().__init__(options)
        if options.margin_type == "a_softmax" and options.margin not in (1, 2, 4):
            raise InputError(f"loss.margin must be 1, 2 or 4 with loss.margin_type a_softmax, not {options.margin}")

    def with_margin(self, cosine):
        """ψ, elementwise."""
        kind, margin = self.options.margin_type, self.options.margin
        if kind == "a_softmax":
            return multiple_angle(cosine, margin)
        if kind == "additive_margin":
            return cosine - margin
        return add_angle(cosine, mx.array(margin), "reflect")

    def __call__(self, embeddings, labels):
        if not self.training:
            return ge2e_softmax(embeddings, labels, _VALID_SCALE, 0.0)
        x = normalize(embeddings)
        cosine, same = mx.clip(x @ x.T, -1.0, 1.0), same_speaker(labels)
        triplets = self.hard_triplets if self.options.selection == "hard" else self.all_triplets
        return LossOutput(triplets(cosine, same), nearest_neighbor_accuracy(cosine, same))

    def all_triplets(self, cosine, same):
        """Computes the mean over the triplets with a loss above 0 from cosines and `same_speaker`, both (B, B)."""
        hinge = mx.maximum(cosine[:, None] - self.with_margin(cosine)[:, :, None], 0)  # (anchor, positive, negative)
        valid = positive_pairs(same)[:, :, None] & ~same[:, None]
        return masked_mean(hinge, valid & (hinge > 1e-12))

    def hard_triplets(self, cosine, same):
        """Computes the mean over anchors with their hardest positive and negative."""
        own = positive_pairs(same)
        positive = mx.min(mx.where(own, self.with_margin(cosine), -ABSENT), axis=1)
        negative = mx.max(mx.where(same, ABSENT, cosine), axis=1)
        return masked_mean(mx.maximum(negative - positive, 0), mx.any(own, axis=1) & mx.any(~same, axis=1))
