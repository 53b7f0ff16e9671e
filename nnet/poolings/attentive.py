"""Attentive statistics poolings: a small scoring network weights each frame, or each frame and channel."""

from dataclasses import dataclass

from nnet import ops
from nnet.errors import InputError
from nnet.networks.layers import BatchNorm, Conv1d
from nnet.ops import nn
from nnet.options import option
from nnet.poolings.base import Pooling, attend


@dataclass(frozen=True)
class AttentiveStatisticsOptions:
    """Attention-weighted mean and standard deviation: attentive statistics (Okabe et al. 2018)."""

    hidden_dim: int = option(128, "Width of the scoring network.", low=1)
    channelwise: bool = option(False, "One weight per frame and channel (WeSpeaker's ASP); false: one per frame.")
    floor: float = option(1e-5, "Lower limit of the variance before the root is taken.", above=0)


class AttentiveStatistics(Pooling):
    """Attentive statistics pooling (Okabe et al. 2018, arXiv 1803.10963): scores vᵀ bn(relu(W h + b)) + k.

    One score per frame as in the paper, or one per frame and channel with `channelwise` (WeSpeaker's ASP).
    """

    def __init__(
        self,
        in_dim: int,
        options: AttentiveStatisticsOptions = AttentiveStatisticsOptions(),
        endpoint_dims: dict | None = None,
    ):
        super().__init__()
        self.linear1 = Conv1d(in_dim, options.hidden_dim)
        self.bn = BatchNorm(options.hidden_dim)
        self.linear2 = Conv1d(options.hidden_dim, in_dim if options.channelwise else 1)
        self.floor = options.floor
        self.out_dim = 2 * in_dim

    def __call__(self, x, endpoints=None):
        return attend(x, self.linear2(self.bn(ops.relu(self.linear1(x)))), self.floor)


@dataclass(frozen=True)
class ChannelAttentionOptions:
    """Mean and standard deviation with one weight per frame and channel, as in ECAPA-TDNN (Desplanques et al. 2020)."""

    hidden_dim: int = option(128, "Width of the scoring network.", low=1)
    global_context: bool = option(False, "The scoring network also sees the mean and deviation of the utterance.")
    bn: bool = option(False, "Batch normalization in front of the scoring network's tanh (NeXt-TDNN).")
    floor: float = option(1e-7, "Lower limit of the variance before the root is taken.", above=0)


class ChannelAttention(Pooling):
    """Channel- and context-dependent statistics pooling of ECAPA-TDNN (Desplanques et al. 2020, eq. 1-4).

    Scores V tanh(W [h; mean; deviation] + b) + k for every frame and channel; without `global_context` the scoring
    network sees only the frame h. The weights have the shapes of WeSpeaker's ASTP. With `bn`, batch normalization
    stands in front of the tanh, as in NeXt-TDNN (Heo et al. 2024, arXiv:2312.08603).
    """

    def __init__(
        self,
        in_dim: int,
        options: ChannelAttentionOptions = ChannelAttentionOptions(),
        endpoint_dims: dict | None = None,
    ):
        super().__init__()
        self.linear1 = Conv1d(3 * in_dim if options.global_context else in_dim, options.hidden_dim)
        if options.bn:
            self.bn = BatchNorm(options.hidden_dim)
        self.linear2 = Conv1d(options.hidden_dim, in_dim)
        self.global_context = options.global_context
        self.floor = options.floor
        self.out_dim = 2 * in_dim

    def hidden(self, x):
        """Computes W [h; mean; deviation] + b: (B, T, C) → (B, T, hidden_dim)."""
        if not self.global_context:
            return self.linear1(x)
        mean, variance = ops.mean_and_variance(x, unbiased=True)
        context = ops.concat(mean, ops.sqrt(variance + self.floor))  # (B, 2C)
        return ops.context_linear(x, context, self.linear1.weight, self.linear1.bias)

    def __call__(self, x, endpoints=None):
        hidden = self.hidden(x)
        hidden = self.bn(hidden) if "bn" in self else hidden
        return attend(x, self.linear2(ops.tanh(hidden)), self.floor)


@dataclass(frozen=True)
class MultiHeadAttentionOptions:
    """One scoring network per group of channels (India et al. 2019; MHASTP in WeSpeaker)."""

    num_layers: int = option(2, "Affine layers of a scoring network.", low=1)
    num_heads: int = option(2, "Number of groups into which the channels are split.", low=1)
    channelwise: bool = option(False, "One weight for each frame and channel; false: one a frame.")
    hidden_dim: int = option(64, "Width between the layers of a scoring network.", low=1)
    floor: float = option(1e-7, "Lower limit of the variance before the root is taken.", above=0)


class MultiHeadAttention(Pooling):
    """Attentive statistics with one scoring network per group of channels (India et al. 2019, arXiv 1906.09890).

    The channels are split into `num_heads` groups in order; the output is mean and deviation of the first group, of the
    second, and so on. A scoring network has `num_layers` affine layers with tanh between them, and gives one score per
    frame, or per frame and channel of the group with `channelwise`. WeSpeaker's MHASTP.

    Raises:
        InputError: num_heads does not divide in_dim.
    """

    def __init__(
        self,
        in_dim: int,
        options: MultiHeadAttentionOptions = MultiHeadAttentionOptions(),
        endpoint_dims: dict | None = None,
    ):
        super().__init__()
        heads = options.num_heads
        if in_dim % heads:
            raise InputError(f"pooling.num_heads {heads} does not divide the width of the network's output, {in_dim}")
        head_dim = in_dim // heads
        hidden = [options.hidden_dim] * (options.num_layers - 1)
        dims = [head_dim, *hidden, head_dim if options.channelwise else 1]
        self.heads = [ScoringNetwork(dims) for _ in range(heads)]
        self.floor = options.floor
        self.out_dim = 2 * in_dim

    def __call__(self, x, endpoints=None):
        groups = ops.split(x, parts=len(self.heads))
        pooled = [attend(group, head(group), self.floor) for group, head in zip(groups, self.heads, strict=True)]
        return ops.concat(*pooled)


class ScoringNetwork(nn.Module):
    """Affine layers of the widths `dims` with tanh between them: (B, T, dims[0]) → (B, T, dims[-1])."""

    def __init__(self, dims):
        super().__init__()
        self.layers = [Conv1d(a, b) for a, b in zip(dims[:-1], dims[1:], strict=True)]

    def __call__(self, x):
        for layer in self.layers[:-1]:
            x = ops.tanh(layer(x))
        return self.layers[-1](x)


@dataclass(frozen=True)
class MultiQueryAttentionOptions(MultiHeadAttentionOptions):
    """Several multi-head attentions in parallel (Zhao et al. 2021; MQMHASTP in WeSpeaker)."""

    num_queries: int = option(2, "Number of multi-head attentions.", low=1)
    num_heads: int = option(8, "Number of groups into which the channels are split.", low=1)
    channelwise: bool = option(True, "One weight for each frame and channel; false: one a frame.")


class MultiQueryAttention(Pooling):
    """Multi-query multi-head attention (Zhao et al. 2021, arXiv 2110.05042), WeSpeaker's MQMHASTP.

    The output is the concatenation of `num_queries` independent multi-head attentions.
    """

    def __init__(
        self,
        in_dim: int,
        options: MultiQueryAttentionOptions = MultiQueryAttentionOptions(),
        endpoint_dims: dict | None = None,
    ):
        super().__init__()
        self.queries = [MultiHeadAttention(in_dim, options) for _ in range(options.num_queries)]
        self.out_dim = options.num_queries * 2 * in_dim

    def __call__(self, x, endpoints=None):
        return ops.concat(*[query(x) for query in self.queries])
