"""The base class of softmax losses with a margin, and A-softmax."""

from dataclasses import dataclass

from nnet.losses.base import Loss, LossOutput, SampledClassesOptions, cross_entropy, top1
from nnet.losses.schedules import Annealing
from nnet.ops import mx, nn
from nnet.ops.vectors import inverse_norms, normalize, norms
from nnet.options import option


@dataclass(frozen=True)
class AngularOptions(SampledClassesOptions):
    """Cosine logits, and annealing of the margin."""

    normalize_embeddings: bool = option(
        True, "Logits are scale·cos; false: |x|·cos with the embedding's own length (tf-kaldi-speaker)."
    )
    scale: float = option(32.0, "Factor of the cosines with normalize_embeddings.", above=0)
    lambda_base: float = option(
        0.0,
        "The target's logit is (L plain + margin) / (1 + L) with L = max(lambda_min, lambda_base (1 + lambda_gamma "
        "step)^-lambda_power). 0 together with lambda_min 0: no annealing.",
        low=0,
    )
    lambda_min: float = option(0.0, "Smallest weight L of the plain logit.", low=0)
    lambda_gamma: float = option(0.0, "Decay rate of the weight L over steps.", low=0)
    lambda_power: float = option(1.0, "Exponent of that decay.", low=0)


class AngularSoftmax(Loss):
    """Cross entropy of logits s·cos θ_j, θ_j the angle between the embedding and the weight of speaker j.

    s is `scale` with `normalize_embeddings`, otherwise the embedding's length ‖x‖. In training the target's cosine
    becomes (λ·cos θ + ψ(cos θ)) / (1 + λ), where ψ is `with_margin` and λ comes from `Annealing`. The accuracy is
    computed without margin.

    Args:
        in_dim: dimension of the embeddings.
        num_speakers: N.
        options: AngularOptions or a subclass.
        sub_centers: K weight vectors per speaker, the nearest of which counts.
    """

    def __init__(self, in_dim: int, num_speakers: int, options: AngularOptions, sub_centers: int = 1):
        super().__init__(options)
        # Row n·K + k is center k of speaker n.
        self.weight = nn.init.glorot_uniform()(mx.zeros((num_speakers * sub_centers, in_dim)))
        self.sub_centers = sub_centers
        self.annealing = Annealing(options.lambda_base, options.lambda_min, options.lambda_gamma, options.lambda_power)
        # Arrays, so that a compiled step sees them change; underscored, so that they are not saved as parameters.
        self._lambda = mx.array(float(self.annealing.at(0)))

    @property
    def class_weights(self):
        return {"weight": self.sub_centers}

    def set_progress(self, step, epoch):
        self._lambda = mx.array(float(self.annealing.at(step)))

    def with_margin(self, cosine):
        """Computes ψ, the target's cosine with the margin, elementwise."""
        raise NotImplementedError

    def scaled_cosines(self, embeddings):
        """Computes (s, s·cos θ_j): s is a number or (B, 1), the logits are (B, N), by each speaker's nearest center."""
        if self.options.normalize_embeddings:
            scale, x = self.options.scale, normalize(embeddings) * self.options.scale
        else:
            scale, x = norms(embeddings), embeddings
        logits = (x @ self.weight.T) * inverse_norms(self.weight).T
        if self.sub_centers > 1:
            logits = mx.max(mx.unflatten(logits, 1, (-1, self.sub_centers)), axis=-1)
        return scale, logits

    def penalize(self, logits, scale, labels):
        """Applies the margin to the logits of the labels: (B, N), s, (B,) → (B, N)."""
        return self._apply_annealed(logits, scale, labels[:, None], self.with_margin)

    def _apply_annealed(self, logits, scale, columns, function):
        """Applies a function of cosines to the logits in `columns` (B, k), mixed with the plain logits by λ."""
        plain = mx.take_along_axis(logits, columns, axis=1)
        cosine = mx.clip(plain / scale, -1.0, 1.0)
        revised = plain + (function(cosine) - cosine) * scale / (1 + self._lambda)
        return mx.put_along_axis(logits, columns, revised, axis=1)

    def __call__(self, embeddings, labels):
        scale, logits = self.scaled_cosines(embeddings)
        accuracy = top1(logits, labels)
        if self.training:
            logits = self.penalize(logits, scale, labels)
        return LossOutput(cross_entropy(logits, labels), accuracy)


@dataclass(frozen=True)
class ASoftmaxOptions(AngularOptions):
    """Angular softmax (SphereFace): multiplies the target's angle by an integer."""

    margin: int = option(4, "Multiplier of the target's angle.", choices=(1, 2, 4))
    normalize_embeddings: bool = option(
        False, "Logits are scale·cos; false: |x|·cos with the embedding's own length (SphereFace, tf-kaldi-speaker)."
    )
    lambda_base: float = option(
        1000.0,
        "The target's logit is (L plain + margin) / (1 + L) with L = max(lambda_min, lambda_base (1 + lambda_gamma "
        "step)^-lambda_power).",
        low=0,
    )
    lambda_min: float = option(5.0, "Smallest weight L of the plain logit.", low=0)
    lambda_gamma: float = option(0.12, "Decay rate of the weight L over steps.", low=0)


class ASoftmax(AngularSoftmax):
    """Angular softmax, SphereFace (Liu et al. 2017, arXiv 1704.08063, eq. 7): ψ(θ) = (−1)^k cos(mθ) − 2k, θ in [kπ/m,
    (k+1)π/m]."""

    def __init__(self, in_dim: int, num_speakers: int, options: ASoftmaxOptions = ASoftmaxOptions()):
        super().__init__(in_dim, num_speakers, options)

    def with_margin(self, cosine):
        return multiple_angle(cosine, self.options.margin)


def multiple_angle(cosine, m):
    """Computes SphereFace's ψ(θ) for m = 1, 2 or 4 from cos θ: cos mθ, continued to be decreasing on [0, π]."""
    if m == 1:
        return cosine
    if m == 2:
        return 2 * mx.sign(cosine) * cosine * cosine - 1
    double = 2 * cosine * cosine - 1  # cos 2θ
    half = mx.sign(cosine)  # +1 for k = 0, 1
    quarter = half * mx.sign(double)  # (−1)^k
    return quarter * (2 * double * double - 1) + 2 * half + quarter - 3
