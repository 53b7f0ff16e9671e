"""Options of the poolings in nnet/poolings."""

from dataclasses import dataclass

from nnet.options import option


@dataclass(frozen=True)
class AverageOptions:
    """Mean over time."""


@dataclass(frozen=True)
class DeviationOptions:
    """Standard deviation over time."""

    unbiased: bool = option(True, "Divide by T - 1 frames (WeSpeaker); false: by T (Kaldi, tf-kaldi-speaker).")
    eps: float = option(1e-7, "Added to the variance before its square root is taken.", low=0)
    floor: float = option(0.0, "The smallest variance (1e-12 in tf-kaldi-speaker, with eps 0).", low=0)


@dataclass(frozen=True)
class StatisticsOptions(DeviationOptions):
    """Mean and standard deviation over time."""


@dataclass(frozen=True)
class AttentiveStatisticsOptions:
    """Mean and deviation with attention weights: attentive statistics (Okabe et al. 2018)."""

    hidden_dim: int = option(128, "Width of the scoring network.", low=1)
    channelwise: bool = option(False, "A weight for every frame and channel (WeSpeaker's ASP); false: for every frame.")
    floor: float = option(1e-5, "The smallest variance.", above=0)


@dataclass(frozen=True)
class ChannelAttentionOptions:
    """Mean and deviation with weights for every frame and channel: ECAPA-TDNN's (Desplanques et al. 2020)."""

    hidden_dim: int = option(128, "Width of the scoring network.", low=1)
    global_context: bool = option(False, "The scoring network sees mean and deviation of the utterance as well.")
    floor: float = option(1e-7, "The smallest variance.", above=0)


@dataclass(frozen=True)
class MultiHeadAttentionOptions:
    """A scoring network for each group of channels (India et al. 2019; MHASTP in WeSpeaker)."""

    num_layers: int = option(2, "Affine maps of a scoring network.", low=1)
    num_heads: int = option(2, "Groups that the channels are cut into.", low=1)
    channelwise: bool = option(False, "A weight for every frame and channel; false: for every frame.")
    hidden_dim: int = option(64, "Width between the layers of a scoring network.", low=1)
    floor: float = option(1e-7, "The smallest variance.", above=0)


@dataclass(frozen=True)
class MultiQueryAttentionOptions(MultiHeadAttentionOptions):
    """Several multi-head attentions side by side (Zhao et al. 2021; MQMHASTP in WeSpeaker)."""

    num_queries: int = option(2, "How many.", low=1)
    num_heads: int = option(8, "Groups that the channels are cut into.", low=1)
    channelwise: bool = option(True, "A weight for every frame and channel; false: for every frame.")


@dataclass(frozen=True)
class _KeyValueOptions:
    key_input: str | None = option(
        None, "Endpoint of the network that keys are made from, such as tdnn4.relu; null: its output."
    )
    value_input: str | None = option(None, "Endpoint of the network that values are made from; null: its output.")
    relu: str = option("relu", "Nonlinearity of the key and value networks.", choices=("relu", "prelu", "lrelu"))
    slope: float = option(0.01, "Slope below zero: the fixed one of lrelu, the initial one of prelu.", low=0)
    bn_eps: float = option(1e-5, "Added to the variance in batch normalisation.", above=0)
    bn_momentum: float = option(0.1, "Weight of a batch in the running mean and variance.", above=0, high=1)


@dataclass(frozen=True)
class SelfAttentionOptions(_KeyValueOptions):
    """Self-attention with separate keys and values (Zhu et al. 2018), as tf-kaldi-speaker has it."""

    key_dims: tuple[int, ...] = option(
        (512,), "Widths of the key network; layers but the last are affine-bn-relu.", low=1
    )
    key_type: str = option(
        "tanh", "What follows the last affine map of the key network.", choices=("affine", "relu", "bn-relu", "tanh")
    )
    value_dims: tuple[int, ...] = option((), "Widths of the value network; none: the values are the input.", low=1)
    value_type: str = option(
        "affine",
        "What follows the last affine map of the value network.",
        choices=("affine", "relu", "bn-relu", "tanh"),
    )
    nonlinear: bool = option(False, "Batch normalisation and nonlinearity after the pooling.")
    use_scale: bool = option(True, "Divide the scores by the root of the key's width.")
    num_heads: int = option(1, "Attention heads, each on its share of the value's channels.", low=1)
    split_key: bool = option(False, "Each head sees its share of the key's channels; false: all of them.")
    penalty: float = option(0.0, "Weight of the penalty on heads that attend to the same frames.", low=0)
    floor: float = option(1e-12, "The smallest variance.", above=0)


@dataclass(frozen=True)
class VladOptions(_KeyValueOptions):
    """Residuals to learnt cluster centres: NetVLAD (Arandjelovic et al. 2016), GhostVLAD (Zhong et al. 2018)."""

    num_centers: int = option(8, "Clusters.", low=1)
    num_ghosts: int = option(0, "Ghost clusters, which take weight and give nothing; 0: NetVLAD.", low=0)
    key_dims: tuple[int, ...] = option((), "Widths of affine-bn-relu layers before the assignment to clusters.", low=1)
    value_dims: tuple[int, ...] = option((), "Widths of affine-bn-relu layers before the residuals.", low=1)
    final_l2_norm: bool = option(True, "Scale the whole output to length 1, not only each cluster's part.")


POOLING_OPTIONS = {
    "average": AverageOptions,
    "deviation": DeviationOptions,
    "statistics": StatisticsOptions,
    "attentive_statistics": AttentiveStatisticsOptions,
    "channel_attention": ChannelAttentionOptions,
    "multi_head_attention": MultiHeadAttentionOptions,
    "multi_query_attention": MultiQueryAttentionOptions,
    "self_attention": SelfAttentionOptions,
    "vlad": VladOptions,
}
