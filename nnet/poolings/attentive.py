"""Attentive statistics: every frame, or every frame and channel, is weighted by a small network."""

from nnet.errors import InputError
from nnet.networks.layers import BatchNorm, Conv1d, conv_relu_norm
from nnet.ops import mx, nn
from nnet.ops.activation import tanh
from nnet.ops.copies import copied
from nnet.ops.cost import note
from nnet.ops.inference import inferring
from nnet.ops.lanes import each
from nnet.ops.memo import Memo
from nnet.poolings.base import Pooling, attend, mean_and_variance


class AttentiveStatistics(Pooling):
    """Attentive statistics pooling (Okabe et al. 2018, arXiv 1803.10963): scores vᵀ bn(relu(W h + b)) + k.

    One score a frame as in the paper, or one a frame and channel with `channelwise` (WeSpeaker's ASP).
    """

    def __init__(self, in_dim, *, hidden_dim, channelwise, floor):
        super().__init__()
        self.linear1 = Conv1d(in_dim, hidden_dim)
        self.bn = BatchNorm(hidden_dim)
        self.linear2 = Conv1d(hidden_dim, in_dim if channelwise else 1)
        self.floor = floor
        self.out_dim = 2 * in_dim

    def __call__(self, x, endpoints=None):
        return attend(x, self.linear2(conv_relu_norm(x, self.linear1, self.bn)), self.floor)


class ChannelAttention(Pooling):
    """Channel- and context-dependent statistics pooling of ECAPA-TDNN (Desplanques et al. 2020, eq. 1-4).

    Scores V tanh(W [h; mean; deviation] + b) + k for every frame and channel; without `global_context` the scoring
    network sees the frame h alone. Weights are shaped as WeSpeaker's ASTP.
    """

    def __init__(self, in_dim, *, hidden_dim, global_context, floor):
        super().__init__()
        self.linear1 = Conv1d(3 * in_dim if global_context else in_dim, hidden_dim)
        self.linear2 = Conv1d(hidden_dim, in_dim)
        self.global_context = global_context
        self._matrices = Memo()
        self.floor = floor
        self.out_dim = 2 * in_dim

    def hidden(self, x):
        """W [h; mean; deviation] + b, (B, T, hidden_dim); the context's share is computed once an utterance."""
        if not self.global_context:
            return self.linear1(x)
        mean, variance = mean_and_variance(x, unbiased=True)
        context = mx.concatenate([mean, mx.sqrt(variance + self.floor)], axis=-1)  # (B, 2C)
        of_frame, of_context = self._split_weight(x.shape[-1])
        return note(self.linear1, x @ of_frame.T + (context @ of_context.T + self.linear1.bias)[:, None])

    def _split_weight(self, channels):
        """What of the first layer's weight meets a frame, and what its context: (hidden_dim, C), (hidden_dim, 2C)."""
        weight = self.linear1.weight

        def split():
            return mx.split(mx.squeeze(weight, 1), [channels], axis=1)

        def copy():
            copies = [copied(part) for part in split()]  # each product would copy such a part anew
            mx.eval(copies)
            return copies

        return self._matrices.get([weight], copy) if inferring() else split()

    def __call__(self, x, endpoints=None):
        if len(x) == 1:
            return attend(x, self.linear2(tanh(self.hidden(x))), self.floor)
        return each(lambda x: attend(x, self.linear2(tanh(self.hidden(x))), self.floor), x)


class MultiHeadAttention(Pooling):
    """Attentive statistics with a scoring network for each group of channels (India et al. 2019, arXiv 1906.09890).

    The channels are cut into `num_heads` groups in order; the output is mean and deviation of the first group, of the
    second, and so on. A scoring network has `num_layers` affine maps with tanh between them, and gives one score a
    frame, or one a frame and channel of the group with `channelwise`. WeSpeaker's MHASTP.
    """

    def __init__(self, in_dim, *, num_layers, num_heads, channelwise, hidden_dim, floor):
        super().__init__()
        if in_dim % num_heads:
            raise InputError(f"pooling.num_heads {num_heads} does not divide the network's output, {in_dim} wide")
        head_dim = in_dim // num_heads
        dims = [head_dim] + [hidden_dim] * (num_layers - 1) + [head_dim if channelwise else 1]
        self.heads = [ScoringNetwork(dims) for _ in range(num_heads)]
        self.floor = floor
        self.out_dim = 2 * in_dim

    def __call__(self, x, endpoints=None):
        return each(self._pool, x)

    def _pool(self, x):
        groups = mx.split(x, len(self.heads), axis=-1)
        pooled = [attend(group, head(group), self.floor) for group, head in zip(groups, self.heads, strict=True)]
        return mx.concatenate(pooled, axis=-1)


class ScoringNetwork(nn.Module):
    """Affine maps of the widths `dims` with tanh between them: (B, T, dims[0]) → (B, T, dims[-1])."""

    def __init__(self, dims):
        super().__init__()
        self.layers = [Conv1d(a, b) for a, b in zip(dims[:-1], dims[1:], strict=True)]

    def __call__(self, x):
        for layer in self.layers[:-1]:
            x = tanh(layer(x))
        return self.layers[-1](x)


class MultiQueryAttention(Pooling):
    """Multi-query multi-head attention (Zhao et al. 2021, arXiv 2110.05042): multi-head attention `num_queries` times,
    side by side. WeSpeaker's MQMHASTP."""

    def __init__(self, in_dim, *, num_queries, num_layers, num_heads, channelwise, hidden_dim, floor):
        super().__init__()
        self.queries = [
            MultiHeadAttention(
                in_dim,
                num_layers=num_layers,
                num_heads=num_heads,
                channelwise=channelwise,
                hidden_dim=hidden_dim,
                floor=floor,
            )
            for _ in range(num_queries)
        ]
        self.out_dim = num_queries * 2 * in_dim

    def __call__(self, x, endpoints=None):
        return mx.concatenate([query(x) for query in self.queries], axis=-1)
