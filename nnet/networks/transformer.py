"""The encoder layer of a transformer (Vaswani et al. 2017, "Attention is all you need")."""

from nnet import ops
from nnet.networks.layers import LayerNorm, Linear
from nnet.ops import nn


class SelfAttention(nn.Module):
    """Multi-head scaled dot-product attention among the frames of an utterance (section 3.2).

    Args:
        dims: width of input and output.
        heads: number of heads; must divide dims.
    """

    def __init__(self, dims, heads):
        super().__init__()
        self.heads = heads
        self.scale = (dims // heads) ** -0.5
        self.query, self.key, self.value, self.out = (Linear(dims, dims) for _ in range(4))

    def __call__(self, x):
        """x: (B, T, dims) → the same shape."""
        query = self._split(self.query(x) * self.scale)
        key, value = self._split(self.key(x)), self._split(self.value(x))
        weights = ops.softmax(query @ ops.swapaxes(key, first=2, second=3), axis=-1)  # (B, heads, T, T)
        return self.out(ops.flatten(ops.swapaxes(weights @ value, first=1, second=2), start=2))

    def _split(self, x):
        """Splits the heads: (B, T, dims) → (B, heads, T, dims / heads)."""
        return ops.swapaxes(ops.unflatten(x, axis=-1, shape=(self.heads, -1)), first=1, second=2)


class EncoderLayer(nn.Module):
    """Self-attention and a feed-forward network, each with a shortcut and layer normalization after it (figure 1).

    As in ReDimNet, the shortcut of the feed-forward network starts after the first normalization, and its nonlinearity
    is the GELU by a tanh.

    Args:
        dims: width of input and output.
        hidden: width inside the feed-forward network.
        heads: heads of the attention.
    """

    def __init__(self, dims, hidden, heads):
        super().__init__()
        self.attention = SelfAttention(dims, heads)
        self.norm1 = LayerNorm(dims)
        self.linear1 = Linear(dims, hidden)
        self.linear2 = Linear(hidden, dims)
        self.norm2 = LayerNorm(dims)

    def __call__(self, x):
        """x: (B, T, dims) → the same shape."""
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.linear2(ops.gelu(self.linear1(x), by_tanh=True)))
