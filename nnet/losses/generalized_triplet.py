"""tf-kaldi-speaker's triplet loss on an embedding, its speaker's center and another speaker's center."""

from dataclasses import dataclass

from nnet.errors import InputError
from nnet.losses.additive import nearest_others
from nnet.losses.base import Loss, LossOutput, target_logits, top1
from nnet.ops import mx, nn
from nnet.ops.vectors import inverse_norms, normalize
from nnet.options import option

_EPS = 1e-12


@dataclass(frozen=True)
class GeneralizedAngularTripletOptions:
    """Triplets of embeddings and speaker centers, as in tf-kaldi-speaker."""

    center: str = option(
        "learnable",
        "learnable: centers are trained by gradient; average: they are moving averages.",
        choices=("learnable", "average"),
    )
    center_momentum: float = option(0.9, "Share of the old center that a moving average keeps.", low=0, high=1)
    margin: float = option(0.2, "Distance by which another speaker's center must be farther away.", low=0)
    target_margin: float = option(0.0, "Embeddings closer to their own center than this are ignored.", low=0)
    top_n: int = option(0, "Number of nearest other centers in the triplets of an embedding; 0: all.", low=0)
    triplet_weight: float = option(1.0, "Weight of the triplets.", low=0)
    center_weight: float = option(0.0, "Weight of the distance from the speaker's own center.", low=0)
    between_weight: float = option(0.0, "Weight of the distance between centers, which is maximized.", low=0)


class GeneralizedAngularTriplet(Loss):
    """Weighted sum of three terms; d is the squared distance of an embedding and a center, both length-normalized.

    Triplets: max(d_y − d_j + margin, 0) over the `top_n` nearest centers j of other speakers (0: all), averaged over
    those above 0; center: the mean of d_y; between: minus the mean squared distance of two centers. The first two use
    only embeddings with d_y > `target_margin`. Centers are trained by gradient (`center` "learnable"), or are moving
    averages ("average"): c_y ← c_y − (1 − momentum) Σ_i (c_y − x_i) over the batch's embeddings x_i of speaker y.
    The accuracy is that of the nearest center.

    Raises:
        InputError: there is one training speaker.
    """

    def __init__(
        self,
        in_dim: int,
        num_speakers: int,
        options: GeneralizedAngularTripletOptions = GeneralizedAngularTripletOptions(),
    ):
        super().__init__(options)
        if num_speakers < 2:
            raise InputError("loss generalized_angular_triplet needs two training speakers or more")
        self.weight = nn.init.glorot_uniform()(mx.zeros((num_speakers, in_dim)))
        self.top_n = min(options.top_n, num_speakers - 1)
        self.unfreeze()

    def unfreeze(self, *args, **kwargs):
        super().unfreeze(*args, **kwargs)
        if self.options.center == "average":
            self.freeze(keys=["weight"], recurse=False)

    def move_centers(self, embeddings, labels):
        """Updates the moving-average centers of the batch's speakers: (B, D), (B,)."""
        steps = (self.weight[labels] - embeddings) * (1 - self.options.center_momentum)
        self.weight = mx.stop_gradient(self.weight.at[labels].add(-steps))

    def __call__(self, embeddings, labels):
        if self.options.center == "average" and self.training:
            self.move_centers(embeddings, labels)
        options = self.options
        cosine = (normalize(embeddings) @ self.weight.T) * inverse_norms(self.weight).T
        own = 2 - 2 * target_logits(cosine, labels)
        far = (own > options.target_margin).astype(own.dtype)
        loss = options.triplet_weight * self.triplets(cosine, own, far, labels)
        loss = loss + options.center_weight * mx.sum(far * own) / (mx.sum(far) + _EPS)
        if options.between_weight:
            loss = loss - options.between_weight * mean_squared_distance(self.weight)
        return LossOutput(loss, top1(cosine, labels))

    def triplets(self, cosine, own, far, labels):
        """Computes the mean of the triplets above 0.

        Args:
            cosine: cosines of embeddings and centers, (B, N).
            own: squared distances to the own center, (B,).
            far: whether `own` is above `target_margin`, (B,).
            labels: (B,).
        """
        if self.top_n:
            cosine = mx.take_along_axis(cosine, nearest_others(cosine, labels, self.top_n), axis=1)
        else:
            farthest = mx.full((len(labels), 1), -1e4)
            cosine = mx.put_along_axis(cosine, labels[:, None], farthest, axis=1)
        hinge = far[:, None] * mx.maximum(own[:, None] - (2 - 2 * cosine) + self.options.margin, 0)
        return mx.sum(hinge) / (mx.sum(hinge > _EPS) + _EPS)


def mean_squared_distance(centers):
    """Computes the mean of ‖c_i − c_j‖² over pairs i ≠ j of length-normalized rows: (2N² − 2‖Σc‖²) / (N(N − 1))."""
    count = len(centers)
    total = mx.sum(normalize(centers), axis=0)
    return (2 * count**2 - 2 * mx.sum(total * total)) / (count * (count - 1))
