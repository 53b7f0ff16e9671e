"""SphereFace2: one binary classifier per speaker instead of a softmax."""

from dataclasses import dataclass

from nnet.losses.additive import add_angle, add_to_angle
from nnet.losses.base import Loss, LossOutput, softplus, target_logits, top1
from nnet.losses.schedules import MarginSchedule, MarginScheduleOptions
from nnet.ops import mx, nn
from nnet.ops.vectors import inverse_norms, normalize
from nnet.options import option


@dataclass(frozen=True)
class SphereFace2Options(MarginScheduleOptions):
    """SphereFace2: one binary classifier per speaker."""

    margin_type: str = option(
        "C", "C: the margin is subtracted from the adjusted cosine; A: it is added to the angle.", choices=("C", "A")
    )
    scale: float = option(32.0, "Scale of the similarities.", above=0)
    positive_weight: float = option(
        0.7, "Weight of the target speaker's classifier; the others share the rest.", low=0, high=1
    )
    t: int = option(3, "Exponent of the similarity adjustment 2 ((cos + 1) / 2)^t - 1.", low=1)


class SphereFace2(Loss):
    """SphereFace2 (Wen et al. 2022, arXiv 2108.01513; Han et al. 2023 for speakers), averaged over the batch:

    λ log(1 + exp(−s·p(θ_y) − b)) + (1 − λ) Σ_{j≠y} log(1 + exp(s·n(θ_j) + b)), b learned.

    With g(z) = 2((z + 1)/2)^t − 1, `margin_type` "C": p = g(cos θ) − m, n = g(cos θ) + m; "A": p = g(cos(θ + m)),
    n = g(cos(θ − m)). As in WeSpeaker, the paper's factor 1/s is omitted.
    """

    def __init__(self, in_dim: int, num_speakers: int, options: SphereFace2Options = SphereFace2Options()):
        super().__init__(options)
        self.weight = nn.init.glorot_uniform()(mx.zeros((num_speakers, in_dim)))
        self.bias = mx.zeros((1, 1))
        self.schedule = MarginSchedule(options)
        self.set_progress(0, 0.0)

    def set_progress(self, step, epoch):
        self._margin = mx.array(float(self.schedule.at(epoch)))

    def adjust(self, z):
        """Computes g, which widens the range of nontarget similarities, elementwise."""
        half = mx.maximum((z + 1) / 2, 0)
        power = half
        for _ in range(self.options.t - 1):
            power = power * half
        return 2 * power - 1

    def similarities(self, cosine, labels):
        """Computes p of the labels' speakers (B,) and n of all speakers (B, N); without margin in eval mode."""
        margin = self._margin if self.training else mx.array(0.0)
        own = mx.clip(target_logits(cosine, labels), -1.0, 1.0)
        if self.options.margin_type == "C":
            return self.adjust(own) - margin, self.adjust(cosine) + margin
        return self.adjust(add_angle(own, margin, "shift")), self.adjust(
            add_to_angle(mx.clip(cosine, -1.0, 1.0), -margin)
        )

    def __call__(self, embeddings, labels):
        cosine = (normalize(embeddings) @ self.weight.T) * inverse_norms(self.weight).T
        positive, negative = self.similarities(cosine, labels)
        scale, share = self.options.scale, self.options.positive_weight
        positive = softplus(-scale * positive - self.bias[0])
        absent = mx.full((len(labels), 1), -1e4)  # softplus of it is 0
        negative = mx.put_along_axis(scale * negative + self.bias, labels[:, None], absent, axis=1)
        negative = mx.sum(softplus(negative), axis=-1)
        loss = mx.mean(share * positive + (1 - share) * negative)
        return LossOutput(loss, top1(cosine, labels))
