"""Options of the networks; every class of `nnet.networks` takes the fields of its dataclass as keywords."""

from dataclasses import dataclass

from nnet.config.options import option


@dataclass(frozen=True)
class TdnnOptions:
    """Kaldi's x-vector (Snyder et al. 2018, "X-vectors: Robust DNN embeddings for speaker recognition", table 1)."""

    dims: tuple[int, ...] = option(
        (512, 512, 512, 512, 1500), "Width of each frame-level layer tdnn1, tdnn2, ...; the last one is pooled.", low=1
    )
    kernels: tuple[int, ...] = option((5, 3, 3, 1, 1), "Number of spliced frames of each layer.", low=1)
    dilations: tuple[int, ...] = option((1, 2, 3, 1, 1), "Distance between the spliced frames of each layer.", low=1)
    order: str = option(
        "relu-bn",
        "What follows each affine map: relu-bn (Kaldi, WeSpeaker) or bn-relu (tf-kaldi-speaker).",
        choices=("relu-bn", "bn-relu"),
    )
    relu: str = option(
        "relu", "relu, prelu (a learnt slope per channel) or lrelu (a fixed slope).", choices=("relu", "prelu", "lrelu")
    )
    slope: float = option(0.01, "Slope below zero: the fixed one of lrelu, the initial one of prelu.", low=0.0)
    bn_affine: bool = option(False, "Whether batch normalisation has a learnt scale and offset; Kaldi's has none.")
    bn_eps: float = option(1e-5, "Added to the variance in batch normalisation.", above=0.0)
    bn_momentum: float = option(
        0.1, "Weight of the newest batch in the running statistics (1 - TensorFlow's momentum).", above=0.0, high=1.0
    )


NETWORK_OPTIONS = {
    "tdnn": TdnnOptions,
}
