"""Options of the losses in nnet/losses."""

from dataclasses import dataclass

from nnet.options import option


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
class _MarginScheduleOptions:
    margin: float = option(0.2, "Margin at the end of its schedule.", low=0)
    initial_margin: float = option(0.0, "Margin before margin_start_epoch.", low=0)
    margin_start_epoch: float = option(0.0, "Epochs of training before the margin grows.", low=0)
    margin_end_epoch: float = option(0.0, "Epochs of training until the margin is full; 0: from the start.", low=0)
    margin_growth: str = option(
        "exp", "How it grows: linear, or exp (fast at first, as in WeSpeaker).", choices=("linear", "exp")
    )


@dataclass(frozen=True)
class AdditiveMarginOptions(_MarginScheduleOptions, _AngularOptions):
    """Additive margin softmax (CosFace): the target's cosine minus a margin."""

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


@dataclass(frozen=True)
class SphereFace2Options(_MarginScheduleOptions):
    """SphereFace2: a binary classifier for every speaker."""

    margin_type: str = option(
        "C", "C: the margin is taken from the adjusted cosine; A: it is added to the angle.", choices=("C", "A")
    )
    scale: float = option(32.0, "Factor of the similarities.", above=0)
    positive_weight: float = option(
        0.7, "Weight of the own speaker's classifier; the others have the rest.", low=0, high=1
    )
    t: int = option(3, "Power that spreads the cosines: 2 ((cos + 1) / 2)^t - 1.", low=1)


@dataclass(frozen=True)
class _TripletOptions:
    margin: float = option(0.2, "By how much the other speaker's segment must be farther.", low=0)
    squared: bool = option(True, "Squared distances.")
    normalize_embeddings: bool = option(True, "Distances between embeddings at the length `scale`.")
    scale: float = option(1.0, "Length of the embeddings with normalize_embeddings.", above=0)


@dataclass(frozen=True)
class SemiHardTripletOptions(_TripletOptions):
    """Triplets with semi-hard negatives (FaceNet)."""


@dataclass(frozen=True)
class BatchHardTripletOptions(_TripletOptions):
    """Triplets with the hardest positive and negative of each anchor in the batch."""

    squared: bool = option(False, "Squared distances.")
    soft_margin: bool = option(False, "log(1 + exp(.)) instead of the margin.")


@dataclass(frozen=True)
class AngularTripletOptions:
    """tf-kaldi-speaker's triplets on cosines."""

    margin: float = option(0.2, "Margin of margin_type: 1, 2 or 4 for a_softmax.", low=0)
    margin_type: str = option(
        "additive_margin",
        "The loss whose margin the positive pair gets.",
        choices=("a_softmax", "additive_margin", "additive_angular_margin"),
    )
    selection: str = option(
        "all", "all triplets above 0, or the hard ones: one for each anchor.", choices=("all", "hard")
    )


@dataclass(frozen=True)
class GeneralizedAngularTripletOptions:
    """tf-kaldi-speaker's triplets with speakers' centres."""

    center: str = option(
        "learnable", "Centres are learnt by gradient, or moved as averages.", choices=("learnable", "average")
    )
    center_momentum: float = option(0.9, "How much of a centre stays when an average is moved.", low=0, high=1)
    margin: float = option(0.2, "By how much another speaker's centre must be farther.", low=0)
    target_margin: float = option(0.0, "Embeddings nearer to their own centre than this are left alone.", low=0)
    top_n: int = option(0, "Nearest other centres that make triplets; 0: all.", low=0)
    triplet_weight: float = option(1.0, "Weight of the triplets.", low=0)
    center_weight: float = option(0.0, "Weight of the distance to the own centre.", low=0)
    between_weight: float = option(0.0, "Weight of the distance between centres.", low=0)


@dataclass(frozen=True)
class AngularPrototypicalOptions:
    """Angular prototypical loss: cosines of queries with prototypes."""

    initial_scale: float = option(10.0, "Factor of the cosines at the start; it is learnt.", above=0)
    initial_bias: float = option(-5.0, "What is added to them at the start; it is learnt.")


@dataclass(frozen=True)
class GE2EOptions(AngularPrototypicalOptions):
    """Generalised end-to-end loss: cosines of segments with centroids."""

    variant: str = option(
        "softmax", "Softmax over speakers, or contrast with the nearest.", choices=("softmax", "contrast")
    )


@dataclass(frozen=True)
class PrototypicalOptions:
    """Prototypical networks: squared distances of queries from prototypes."""


LOSS_OPTIONS = {
    "softmax": SoftmaxOptions,
    "a_softmax": ASoftmaxOptions,
    "additive_margin": AdditiveMarginOptions,
    "additive_angular_margin": AdditiveAngularMarginOptions,
    "sphereface2": SphereFace2Options,
    "semihard_triplet": SemiHardTripletOptions,
    "batch_hard_triplet": BatchHardTripletOptions,
    "angular_triplet": AngularTripletOptions,
    "generalized_angular_triplet": GeneralizedAngularTripletOptions,
    "ge2e": GE2EOptions,
    "prototypical": PrototypicalOptions,
    "angular_prototypical": AngularPrototypicalOptions,
}


@dataclass(frozen=True)
class RingOptions:
    """Ring loss: embeddings of one length, which is learnt."""

    weight: float = option(0.01, "Weight of the term.", low=0)
    initial_radius: float = option(20.0, "The length at the start.", above=0)


@dataclass(frozen=True)
class MheOptions:
    """Minimum hyperspherical energy: classifier weights far from each other."""

    weight: float = option(0.01, "Weight of the term.", low=0)
    form: str = option(
        "mean_of_inverses",
        "Mean of the inverse squared distances (the paper), or the inverse of their mean (tf-kaldi-speaker).",
        choices=("mean_of_inverses", "inverse_of_mean"),
    )


@dataclass(frozen=True)
class CenterOptions:
    """Centre loss: embeddings near the running centre of their speaker."""

    weight: float = option(0.003, "Weight of the term.", low=0)
    rate: float = option(0.5, "How far a centre moves towards its embeddings in a batch.", low=0, high=1)


AUXILIARY_LOSS_OPTIONS = {
    "ring": RingOptions,
    "mhe": MheOptions,
    "center": CenterOptions,
}
