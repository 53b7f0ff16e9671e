"""Self-attentive pooling with separate keys and values."""

import math
from dataclasses import dataclass

from nnet import ops
from nnet.errors import InputError
from nnet.networks.layers import BatchNorm, Nonlinearity
from nnet.ops import mx
from nnet.options import option
from nnet.poolings.key_value import KeyValueOptions, KeyValuePooling


@dataclass(frozen=True)
class SelfAttentionOptions(KeyValueOptions):
    """Self-attention with separate keys and values (Zhu et al. 2018), as in tf-kaldi-speaker."""

    key_dims: tuple[int, ...] = option(
        (512,), "Widths of the key network's layers; all but the last are affine-bn-relu.", low=1
    )
    key_type: str = option(
        "tanh", "What follows the last affine layer of the key network.", choices=("affine", "relu", "bn-relu", "tanh")
    )
    value_dims: tuple[int, ...] = option(
        (), "Widths of the value network's layers; empty: the values are its input.", low=1
    )
    value_type: str = option(
        "affine",
        "What follows the last affine layer of the value network.",
        choices=("affine", "relu", "bn-relu", "tanh"),
    )
    nonlinear: bool = option(False, "Apply batch normalization and a nonlinearity after the pooling.")
    use_scale: bool = option(True, "Divide the scores by the square root of the key's width.")
    num_heads: int = option(1, "Number of attention heads; each pools an equal part of the value's channels.", low=1)
    split_key: bool = option(False, "Each head sees an equal part of the key's channels; false: all of them.")
    penalty: float = option(0.0, "Weight of the penalty on heads that attend to the same frames.", low=0)
    floor: float = option(1e-12, "Lower limit of the variance before the root is taken.", above=0)


class SelfAttention(KeyValuePooling):
    """Self-attentive pooling: mean and deviation of values, weighted by keys and learned queries (Zhu et al. 2018).

    Small networks compute keys and values from any endpoint of the network. Each head h has a query q_h and an equal
    part of the value's channels, and of the key's with `split_key`; its weights are softmax_t(k_tᵀ q_h / √d). The
    output is the means of all heads, then their deviations. The options are those of tf-kaldi-speaker.

    The penalty is ‖A Aᵀ − I‖² over heads (Lin et al. 2017, arXiv 1703.03130, eq. 8), averaged over the batch, where
    A (H, T) are the attention weights.

    Endpoints: attention_weights, (B, H, T); attention_output, (B, out_dim), before `nonlinear`.
    """

    def __init__(
        self,
        in_dim: int,
        options: SelfAttentionOptions = SelfAttentionOptions(),
        endpoint_dims: dict | None = None,
    ):
        super().__init__(in_dim, options, endpoint_dims, options.key_type, options.value_type)
        self.num_heads, self.split_key = options.num_heads, options.split_key
        self._check_heads()
        query_dim = self.key.out_dim // self.num_heads if self.split_key else self.key.out_dim
        # One vector for all heads, as weight decay applies to matrices and tf-kaldi-speaker excludes queries.
        self.query = 0.1 * mx.random.truncated_normal(-2, 2, (self.num_heads * query_dim,))
        self.key_scale = 1 / math.sqrt(query_dim) if options.use_scale else 1.0
        self.penalty_weight = options.penalty
        self.floor = options.floor
        self.out_dim = 2 * self.value.out_dim
        if options.nonlinear:
            self.bn = BatchNorm(self.out_dim, eps=options.bn_eps, momentum=options.bn_momentum)
            self.relu = Nonlinearity(options.relu, self.out_dim, options.slope)

    def _check_heads(self):
        if self.value.out_dim % self.num_heads:
            raise InputError(
                f"pooling.num_heads {self.num_heads} does not divide the width of the values, {self.value.out_dim}"
            )
        if self.split_key and self.key.out_dim % self.num_heads:
            raise InputError(
                f"pooling.num_heads {self.num_heads} does not divide the width of the keys, {self.key.out_dim}"
            )

    def weights(self, keys):
        """Computes attention weights: keys (B, T, D) → (B, H, T)."""
        query = mx.unflatten(self.query, 0, (self.num_heads, -1))
        if self.split_key:
            keys = ops.unflatten(keys, axis=-1, shape=(self.num_heads, -1))  # (B, T, H, D / H)
            scores = ops.sum(keys * query, axis=-1)
        else:
            scores = ops.linear(keys, query)  # (B, T, H)
        return ops.softmax(ops.swapaxes(self.key_scale * scores, first=1, second=2), axis=-1)

    def statistics(self, values, weights):
        """Computes the means, then the deviations, of all heads: values (B, T, D), weights (B, H, T) → (B, 2D)."""
        values = ops.unflatten(values, axis=-1, shape=(self.num_heads, -1))
        values = ops.swapaxes(values, first=1, second=2)  # (B, H, T, D / H)
        weights = ops.expand_dims(weights, axis=2)  # (B, H, 1, T)
        mean = weights @ values
        centered = values - mean
        deviation = ops.sqrt(ops.maximum(weights @ (centered * centered), self.floor))
        return ops.concat(ops.flatten(mean, start=1), ops.flatten(deviation, start=1))

    def __call__(self, x, endpoints=None):
        keys, values = self.keys_and_values(x, endpoints)
        weights = self.weights(keys)
        pooled = self.statistics(values, weights)
        if endpoints is not None:
            endpoints["attention_weights"], endpoints["attention_output"] = weights, pooled
        return self.relu(self.bn(pooled)) if "bn" in self else pooled

    def penalty(self, endpoints):
        weights = ops.gather(endpoints["attention_weights"])
        overlap = weights @ mx.swapaxes(weights, 1, 2) - mx.eye(self.num_heads)  # (B, H, H)
        return self.penalty_weight * mx.mean(mx.sum(overlap * overlap, axis=(1, 2)))
