"""Softmax losses with a margin that is subtracted from the target's cosine, or added to its angle."""

from nnet.losses.margins import AngularSoftmax
from nnet.losses.schedules import Annealing, MarginSchedule
from nnet.ops import mx


class AdditiveMargin(AngularSoftmax):
    """Additive margin softmax (Wang et al. 2018, arXiv 1801.05599, eq. 5-6; CosFace): ψ(θ) = cos θ − m.

    m follows its schedule over epochs; the plain logit is mixed in by λ over steps; each is off by default.
    `sub_centers` K: every speaker has K weights, the nearest of which counts (sub-center ArcFace, Deng et al. 2020).
    `top_k`: the k other speakers that are nearest get cos θ + m' (inter-top-k, Zhao et al. 2021, arXiv
    2110.05042), m' growing with m.
    """

    def __init__(
        self, in_dim, num_speakers, *, margin, initial_margin, margin_start_epoch, margin_end_epoch, margin_growth,
        normalize_embeddings, scale, lambda_base, lambda_min, lambda_gamma, lambda_power,
        sub_centers, top_k, top_k_margin,
    ):  # fmt: skip
        super().__init__(
            in_dim,
            num_speakers,
            normalize_embeddings=normalize_embeddings,
            scale=scale,
            annealing=Annealing(lambda_base, lambda_min, lambda_gamma, lambda_power),
            sub_centers=sub_centers,
        )
        self.top_k, self.top_k_margin = min(top_k, num_speakers - 1), top_k_margin
        self.schedule = MarginSchedule(margin, initial_margin, margin_start_epoch, margin_end_epoch, margin_growth)
        self.set_progress(0, 0.0)

    def set_progress(self, step, epoch):
        super().set_progress(step, epoch)
        margin = self.schedule.at(epoch)
        share = margin / self.schedule.final if self.schedule.final else 1.0
        self._margin = mx.array(float(margin))
        self._top_k_margin = mx.array(float(self.top_k_margin * share))

    def with_margin(self, cosine):
        return cosine - self._margin

    def with_attraction(self, cosine):
        """The cosine of a speaker among the nearest others, made larger."""
        return cosine + self._top_k_margin

    def penalize(self, logits, scale, labels):
        penalized = super().penalize(logits, scale, labels)
        if not self.top_k:
            return penalized
        return self._revise(penalized, scale, nearest_others(logits, labels, self.top_k), self.with_attraction)


def nearest_others(logits, labels, k):
    """The columns of the k largest logits but for the labels': (B, N), (B,) → (B, k)."""
    hidden = mx.full((len(labels), 1), -mx.inf)
    others = mx.put_along_axis(mx.stop_gradient(logits), labels[:, None], hidden, axis=1)
    return mx.argpartition(-others, k - 1, axis=-1)[:, :k]


class AdditiveAngularMargin(AdditiveMargin):
    """Additive angular margin softmax (ArcFace; Deng et al. 2019, arXiv 1801.07698, eq. 3): ψ(θ) = cos(θ + m).

    `beyond_pi` continues ψ where θ + m > π, so that it keeps falling: "shift" by cos θ − 1 + cos m (WeSpeaker),
    "reflect" by −cos(θ + m) − 2 (tf-kaldi-speaker); "easy" leaves out the margin where θ > π/2.
    With `top_k` the nearest others get cos(θ − m').
    """

    def __init__(
        self, in_dim, num_speakers, *, margin, initial_margin, margin_start_epoch, margin_end_epoch, margin_growth,
        normalize_embeddings, scale, lambda_base, lambda_min, lambda_gamma, lambda_power,
        sub_centers, top_k, top_k_margin, beyond_pi,
    ):  # fmt: skip
        super().__init__(
            in_dim,
            num_speakers,
            margin=margin,
            initial_margin=initial_margin,
            margin_start_epoch=margin_start_epoch,
            margin_end_epoch=margin_end_epoch,
            margin_growth=margin_growth,
            normalize_embeddings=normalize_embeddings,
            scale=scale,
            lambda_base=lambda_base,
            lambda_min=lambda_min,
            lambda_gamma=lambda_gamma,
            lambda_power=lambda_power,
            sub_centers=sub_centers,
            top_k=top_k,
            top_k_margin=top_k_margin,
        )
        self.beyond_pi = beyond_pi

    def with_margin(self, cosine):
        return add_angle(cosine, self._margin, self.beyond_pi)

    def with_attraction(self, cosine):
        return turn(cosine, -self._top_k_margin)


def turn(cosine, angle):
    """cos(θ + angle), from cos θ. The sine is kept off zero, where its gradient is infinite."""
    sine = mx.sqrt(mx.maximum((1 - cosine) * (1 + cosine), 1e-12))
    return cosine * mx.cos(angle) - sine * mx.sin(angle)


def add_angle(cosine, margin, beyond_pi):
    """cos(θ + margin) and its continuation past θ + margin = π (see AdditiveAngularMargin), elementwise."""
    turned = turn(cosine, margin)
    if beyond_pi == "easy":
        return mx.where(cosine > 0, turned, cosine)
    beyond = -turned - 2 if beyond_pi == "reflect" else cosine - 1 + mx.cos(margin)
    return mx.where(cosine > -mx.cos(margin), turned, beyond)
