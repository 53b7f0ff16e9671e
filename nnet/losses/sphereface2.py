"""SphereFace2: a binary classifier for every speaker instead of one softmax."""

from nnet.losses.additive import add_angle, turn
from nnet.losses.base import Loss, LossOutput, pick, softplus, top1
from nnet.losses.schedules import MarginSchedule
from nnet.ops import mx, nn
from nnet.ops.vectors import inverse_norms, normalize


class SphereFace2(Loss):
    """SphereFace2 (Wen et al. 2022, arXiv 2108.01513; for speakers Han et al. 2023), averaged over the batch:

    λ log(1 + exp(−s·p(θ_y) − b)) + (1 − λ) Σ_{j≠y} log(1 + exp(s·n(θ_j) + b)), b learnt.

    With g(z) = 2((z + 1)/2)^t − 1, `margin_type` "C": p = g(cos θ) − m, n = g(cos θ) + m; "A": p = g(cos(θ + m)),
    n = g(cos(θ − m)). As in WeSpeaker, without the paper's factor 1/s.
    """

    def __init__(
        self, in_dim, num_speakers, *, margin, initial_margin, margin_start_epoch, margin_end_epoch, margin_growth,
        margin_type, scale, positive_weight, t,
    ):  # fmt: skip
        super().__init__()
        self.weight = nn.init.glorot_uniform()(mx.zeros((num_speakers, in_dim)))
        self.bias = mx.zeros((1, 1))
        self.margin_type, self.scale = margin_type, scale
        self.positive_weight, self.t = positive_weight, t
        self.schedule = MarginSchedule(margin, initial_margin, margin_start_epoch, margin_end_epoch, margin_growth)
        self.set_progress(0, 0.0)

    def set_progress(self, step, epoch):
        self._margin = mx.array(float(self.schedule.at(epoch)))

    def adjust(self, z):
        """g: cosines (B, N) spread so that those of different speakers get more room."""
        half = mx.maximum((z + 1) / 2, 0)
        power = half
        for _ in range(self.t - 1):
            power = power * half
        return 2 * power - 1

    def similarities(self, cosine, labels):
        """p of the labels' speakers, (B,), and n of all speakers, (B, N); the margin is off in eval mode."""
        margin = self._margin if self.training else mx.array(0.0)
        own = mx.clip(pick(cosine, labels), -1.0, 1.0)
        if self.margin_type == "C":
            return self.adjust(own) - margin, self.adjust(cosine) + margin
        return self.adjust(add_angle(own, margin, "shift")), self.adjust(turn(mx.clip(cosine, -1.0, 1.0), -margin))

    def __call__(self, embeddings, labels):
        cosine = (normalize(embeddings) @ self.weight.T) * inverse_norms(self.weight).T
        positive, negative = self.similarities(cosine, labels)
        positive = softplus(-self.scale * positive - self.bias[0])
        absent = mx.full((len(labels), 1), -1e4)  # softplus of it is 0
        negative = mx.put_along_axis(self.scale * negative + self.bias, labels[:, None], absent, axis=1)
        negative = mx.sum(softplus(negative), axis=-1)
        loss = mx.mean(self.positive_weight * positive + (1 - self.positive_weight) * negative)
        return LossOutput(loss, top1(cosine, labels))
