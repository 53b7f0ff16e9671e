"""Options of the networks; every class of `nnet.networks` takes the fields of its dataclass as keywords."""

from dataclasses import dataclass

from nnet.options import option


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


@dataclass(frozen=True)
class EtdnnOptions(TdnnOptions):
    """E-TDNN (Snyder et al. 2019, "Speaker recognition for multi-speaker conversations using x-vectors", table 1)."""

    dims: tuple[int, ...] = option(
        (512,) * 9 + (1500,), "Width of each frame-level layer tdnn1, tdnn2, ...; the last one is pooled.", low=1
    )
    kernels: tuple[int, ...] = option((5, 1, 3, 1, 3, 1, 3, 1, 1, 1), "Number of spliced frames of each layer.", low=1)
    dilations: tuple[int, ...] = option(
        (1, 1, 2, 1, 3, 1, 4, 1, 1, 1), "Distance between the spliced frames of each layer.", low=1
    )


@dataclass(frozen=True)
class FtdnnOptions:
    """F-TDNN (Povey et al. 2018, "Semi-orthogonal low-rank matrix factorization..."; sizes of Villalba et al. 2020)."""

    width: int = option(1024, "Width of the factorised layers.", low=1)
    bottleneck: int = option(256, "Width between the two factors of a layer.", low=1)
    first_dim: int = option(512, "Width of the first layer, which is not factorised.", low=1)
    out_dim: int = option(2048, "Width of the last layer, which is pooled.", low=1)
    dropout: float = option(
        0.0,
        "Kaldi's continuous dropout: each channel of an utterance is scaled by 1 ± 2 dropout at most.",
        low=0,
        high=0.5,
    )


@dataclass(frozen=True)
class ResNetOptions:
    """ResNet (He et al. 2016, "Deep residual learning for image recognition") in WeSpeaker's widths."""

    depth: int = option(34, "Number of layers.", choices=(18, 34, 50, 101, 152, 221, 293))
    channels: int = option(32, "Channels of the first stage; the others have 2, 4 and 8 times as many.", low=1)
    se_reduction: int = option(0, "Squeeze-excitation in every block: channels / width of its gate; 0: none.", low=0)


@dataclass(frozen=True)
class EcapaTdnnOptions:
    """ECAPA-TDNN (Desplanques et al. 2020)."""

    channels: int = option(512, "Width of the blocks (512 and 1024 in the paper).", low=1)
    scale: int = option(8, "Groups of the Res2 convolutions; channels must be a multiple of it.", low=1)
    se_channels: int = option(128, "Width of the squeeze-excitation gates.", low=1)
    out_dim: int = option(1536, "Width of the last layer, which is pooled.", low=1)


@dataclass(frozen=True)
class CamPlusPlusOptions:
    """CAM++ (Wang et al. 2023)."""

    growth: int = option(32, "Channels that each dense layer adds.", low=1)
    bn_size: int = option(4, "Width of a dense layer's bottleneck, in units of growth.", low=1)
    init_channels: int = option(128, "Channels that the first block starts from.", low=1)
    blocks: tuple[int, ...] = option((12, 24, 16), "Dense layers of each block.", low=1)
    head_channels: int = option(32, "Channels of the two-dimensional front end.", low=1)
    segment: int = option(100, "Frames (after the stride of 2) of the segments of context-aware masking.", low=1)


NETWORK_OPTIONS = {
    "tdnn": TdnnOptions,
    "etdnn": EtdnnOptions,
    "ftdnn": FtdnnOptions,
    "resnet": ResNetOptions,
    "ecapa_tdnn": EcapaTdnnOptions,
    "campplus": CamPlusPlusOptions,
}
