"""tf-kaldi-speaker's triplets of an embedding, its speaker's centre and another speaker's centre."""

from nnet.losses.additive import nearest_others
from nnet.losses.base import Loss, LossOutput, pick, top1
from nnet.ops import mx, nn
from nnet.ops.vectors import inverse_norms, normalize

_EPS = 1e-12


class GeneralizedAngularTriplet(Loss):
    """Weighted sum of three terms, d being the squared distance of embedding and centre, both at length 1.

    Triplets: max(d_y − d_j + margin, 0) over the `top_n` nearest centres j of other speakers (0: all), averaged over
    those above 0; centre: the mean of d_y; between: minus the mean squared distance of two centres. The first two count
    only embeddings with d_y > `target_margin`. Centres are learnt by gradient (`center` "learnable"), or moved in
    training ("average"): c_y ← c_y − (1 − momentum) Σ_i (c_y − x_i) over the batch's embeddings x_i of speaker y.
    The accuracy is that of the nearest centre.
    """

    def __init__(
        self, in_dim, num_speakers, *, center, center_momentum, margin, target_margin, top_n,
        triplet_weight, center_weight, between_weight,
    ):  # fmt: skip
        super().__init__()
        self.weight = nn.init.glorot_uniform()(mx.zeros((num_speakers, in_dim)))
        self.center, self.center_momentum = center, center_momentum
        self.margin, self.target_margin = margin, target_margin
        self.top_n = min(top_n, num_speakers - 1)
        self.triplet_weight, self.center_weight, self.between_weight = triplet_weight, center_weight, between_weight
        self.unfreeze()

    def unfreeze(self, *args, **kwargs):
        super().unfreeze(*args, **kwargs)
        if self.center == "average":
            self.freeze(keys=["weight"], recurse=False)

    def move_centers(self, embeddings, labels):
        """Moves the centres of the batch's speakers towards their embeddings (B, D)."""
        steps = (self.weight[labels] - embeddings) * (1 - self.center_momentum)
        self.weight = mx.stop_gradient(self.weight.at[labels].add(-steps))

    def __call__(self, embeddings, labels):
        if self.center == "average" and self.training:
            self.move_centers(embeddings, labels)
        cosine = (normalize(embeddings) @ self.weight.T) * inverse_norms(self.weight).T
        own = 2 - 2 * pick(cosine, labels)
        far = (own > self.target_margin).astype(own.dtype)
        loss = self.triplet_weight * self.triplets(cosine, own, far, labels)
        loss = loss + self.center_weight * mx.sum(far * own) / (mx.sum(far) + _EPS)
        if self.between_weight:
            loss = loss - self.between_weight * mean_squared_distance(self.weight)
        return LossOutput(loss, top1(cosine, labels))

    def triplets(self, cosine, own, far, labels):
        """Mean of the triplets above 0, of cosines (B, N), own distances (B,) and whether those are far (B,)."""
        if self.top_n:
            cosine = mx.take_along_axis(cosine, nearest_others(cosine, labels, self.top_n), axis=1)
        else:
            farthest = mx.full((len(labels), 1), -1e4)
            cosine = mx.put_along_axis(cosine, labels[:, None], farthest, axis=1)
        hinge = far[:, None] * mx.maximum(own[:, None] - (2 - 2 * cosine) + self.margin, 0)
        return mx.sum(hinge) / (mx.sum(hinge > _EPS) + _EPS)


def mean_squared_distance(centers):
    """Mean of ‖c_i − c_j‖² over the pairs i ≠ j of rows, taken at length 1: (2N² − 2‖Σc‖²) / (N(N − 1))."""
    count = len(centers)
    total = mx.sum(normalize(centers), axis=0)
    return (2 * count**2 - 2 * mx.sum(total * total)) / (count * (count - 1))
