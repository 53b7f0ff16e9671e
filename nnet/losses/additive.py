"""Softmax losses with a margin subtracted from the target's cosine, or added to its angle."""

from dataclasses import dataclass

from nnet.losses.margins import AngularOptions, AngularSoftmax
from nnet.losses.schedules import MarginSchedule, MarginScheduleOptions
from nnet.ops import mx
from nnet.options import option


@dataclass(frozen=True)
class AdditiveMarginOptions(MarginScheduleOptions, AngularOptions):
    """Additive margin softmax (CosFace): the target's cosine minus a margin."""

    sub_centers: int = option(
        1, "Number of sub-centers (weight vectors) per speaker, the nearest of which counts.", low=1
    )
    top_k: int = option(0, "Number of nearest other speakers that get a margin, too (inter-top-k); 0: none.", low=0)
    top_k_margin: float = option(
        0.06, "Margin of the nearest other speakers; follows the schedule of the margin.", low=0
    )


class AdditiveMargin(AngularSoftmax):
    """Additive margin softmax (Wang et al. 2018, arXiv 1801.05599, eq. 5-6; CosFace): ψ(θ) = cos θ − m.

    m may follow a schedule over epochs, and annealing over steps may mix in the plain logit by λ; both are off by
    default. `sub_centers` K: every speaker has K weight vectors, the nearest of which counts (sub-center ArcFace, Deng
    et al. 2020). `top_k`: the k nearest other speakers get cos θ + m' (inter-top-k, Zhao et al. 2021, arXiv
    2110.05042); m' follows the schedule of m.
    """

    def __init__(self, in_dim: int, num_speakers: int, options: AdditiveMarginOptions = AdditiveMarginOptions()):
        super().__init__(in_dim, num_speakers, options, options.sub_centers)
        self.schedule = MarginSchedule(options)
        self.set_progress(0, 0.0)

    def set_progress(self, step, epoch):
        super().set_progress(step, epoch)
        margin = self.schedule.at(epoch)
        share = margin / self.options.margin if self.options.margin else 1.0
        self._margin = mx.array(float(margin))
        self._top_k_margin = mx.array(float(self.options.top_k_margin * share))

    def with_margin(self, cosine):
        return cosine - self._margin

    def with_negative_margin(self, cosine):
        """Returns the cosine of one of the nearest other speakers with its margin, elementwise."""
        return cosine + self._top_k_margin

    def penalize(self, logits, scale, labels):
        penalized = super().penalize(logits, scale, labels)
        top_k = min(self.options.top_k, logits.shape[1] - 1)
        if not top_k:
            return penalized
        return self._apply_annealed(penalized, scale, nearest_others(logits, labels, top_k), self.with_negative_margin)


def nearest_others(logits, labels, k):
    """Returns the columns of the k largest logits other than the labels': (B, N), (B,) → (B, k)."""
    hidden = mx.full((len(labels), 1), -mx.inf)
    others = mx.put_along_axis(mx.stop_gradient(logits), labels[:, None], hidden, axis=1)
    return mx.argpartition(-others, k - 1, axis=-1)[:, :k]


@dataclass(frozen=True)
class AdditiveAngularMarginOptions(AdditiveMarginOptions):
    """Additive angular margin softmax (ArcFace): the target's angle plus a margin, in radians."""

    beyond_pi: str = option(
        "shift",
        "Where angle + margin > pi: shift, cos - 1 + cos(margin) (WeSpeaker); reflect, -cos(angle + margin) - 2 "
        "(tf-kaldi-speaker); easy: no margin where angle > pi/2.",
        choices=("shift", "reflect", "easy"),
    )


class AdditiveAngularMargin(AdditiveMargin):
    """Additive angular margin softmax (ArcFace; Deng et al. 2019, arXiv 1801.07698, eq. 3): ψ(θ) = cos(θ + m).

    `beyond_pi` continues ψ where θ + m > π, so that it stays decreasing: "shift" by cos θ − 1 + cos m (WeSpeaker),
    "reflect" by −cos(θ + m) − 2 (tf-kaldi-speaker); "easy" omits the margin where θ > π/2. With `top_k` the nearest
    other speakers get cos(θ − m').
    """

    def __init__(
        self, in_dim: int, num_speakers: int, options: AdditiveAngularMarginOptions = AdditiveAngularMarginOptions()
    ):
        super().__init__(in_dim, num_speakers, options)

    def with_margin(self, cosine):
        return add_angle(cosine, self._margin, self.options.beyond_pi)

    def with_negative_margin(self, cosine):
        return add_to_angle(cosine, -self._top_k_margin)


def add_to_angle(cosine, angle):
    """Computes cos(θ + angle) from cos θ; clips the sine away from zero, where its gradient is infinite."""
    sine = mx.sqrt(mx.maximum((1 - cosine) * (1 + cosine), 1e-12))
    return cosine * mx.cos(angle) - sine * mx.sin(angle)


def add_angle(cosine, margin, beyond_pi):
    """Computes cos(θ + margin) and its continuation beyond θ + margin = π (see AdditiveAngularMargin), elementwise."""
    turned = add_to_angle(cosine, margin)
    if beyond_pi == "easy":
        return mx.where(cosine > 0, turned, cosine)
    beyond = -turned - 2 if beyond_pi == "reflect" else cosine - 1 + mx.cos(margin)
    return mx.where(cosine > -mx.cos(margin), turned, beyond)
