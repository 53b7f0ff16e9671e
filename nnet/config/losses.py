"""Options of the losses in nnet/losses."""

from dataclasses import dataclass

from nnet.config.options import option


@dataclass(frozen=True)
class SoftmaxOptions:
    """Cross entropy of an affine classifier."""

    bias: bool = option(True, "A bias for each speaker.")
    label_smoothing: float = option(0.0, "Share of the target that is spread over all speakers.", low=0, high=1)
    normalize_embeddings: bool = option(
        False, "Scale every embedding to the length `scale` (feature_norm in tf-kaldi-speaker)."
    )
    scale: float = option(32.0, "Length of the embeddings with normalize_embeddings.", above=0)


@dataclass(frozen=True)
class _AngularOptions:
    normalize_embeddings: bool = option(
        True, "Logits are scale·cos; false: |x|·cos with the embedding's own length (tf-kaldi-speaker)."
    )
    scale: float = option(32.0, "Factor of the cosines with normalize_embeddings.", above=0)
    lambda_base: float = option(
        0.0,
        "The target's logit is (L plain + margin) / (1 + L) with L = max(lambda_min, lambda_base (1 + lambda_gamma "
        "step)^-lambda_power). With lambda_min 0 as well: no annealing.",
        low=0,
    )
    lambda_min: float = option(0.0, "Least weight of the plain logit.", low=0)
    lambda_gamma: float = option(0.0, "How fast the weight of the plain logit falls over steps.", low=0)
    lambda_power: float = option(1.0, "Power of its fall.", low=0)


@dataclass(frozen=True)
class ASoftmaxOptions(_AngularOptions):
    """Angular softmax (SphereFace): the target's angle times an integer."""

    margin: int = option(4, "Factor of the target's angle.", choices=(1, 2, 4))
    normalize_embeddings: bool = option(
        False, "Logits are scale·cos; false: |x|·cos with the embedding's own length (SphereFace, tf-kaldi-speaker)."
    )
    lambda_base: float = option(
        1000.0,
        "The target's logit is (L plain + margin) / (1 + L) with L = max(lambda_min, lambda_base (1 + lambda_gamma "
        "step)^-lambda_power).",
        low=0,
    )
    lambda_min: float = option(5.0, "Least weight of the plain logit.", low=0)
    lambda_gamma: float = option(0.12, "How fast the weight of the plain logit falls over steps.", low=0)


@dataclass(frozen=True)
class AdditiveMarginOptions(_AngularOptions):
    """Additive margin softmax (CosFace): the target's cosine minus a margin."""

    margin: float = option(0.2, "Margin at the end of its schedule.", low=0)
    initial_margin: float = option(0.0, "Margin before margin_start_epoch.", low=0)
    margin_start_epoch: float = option(0.0, "Epochs of training before the margin grows.", low=0)
    margin_end_epoch: float = option(0.0, "Epochs of training until the margin is full; 0: from the start.", low=0)
    margin_growth: str = option(
        "exp", "How it grows: linear, or exp (fast at first, as in WeSpeaker).", choices=("linear", "exp")
    )
    sub_centers: int = option(1, "Weights of each speaker, the nearest of which counts.", low=1)
    top_k: int = option(0, "How many of the nearest other speakers are made nearer (inter-top-k); 0: none.", low=0)
    top_k_margin: float = option(0.06, "By how much; it grows with the margin.", low=0)


@dataclass(frozen=True)
class AdditiveAngularMarginOptions(AdditiveMarginOptions):
    """Additive angular margin softmax (ArcFace): the target's angle plus a margin, in radians."""

    beyond_pi: str = option(
        "shift",
        "Where angle + margin > pi: shift, cos - 1 + cos(margin) (WeSpeaker); reflect, -cos(angle + margin) - 2 "
        "(tf-kaldi-speaker); easy: there is no margin where angle > pi/2.",
        choices=("shift", "reflect", "easy"),
    )


LOSS_OPTIONS = {
    "softmax": SoftmaxOptions,
    "a_softmax": ASoftmaxOptions,
    "additive_margin": AdditiveMarginOptions,
    "additive_angular_margin": AdditiveAngularMarginOptions,
}

AUXILIARY_LOSS_OPTIONS = {}
