"""Base class of tf-kaldi-speaker's poolings, which compute keys and values from any endpoints of the network."""

from dataclasses import dataclass

from nnet import ops
from nnet.errors import InputError
from nnet.networks.layers import BatchNorm, Linear, Nonlinearity
from nnet.ops import nn
from nnet.options import nearest, option
from nnet.poolings.base import Pooling


@dataclass(frozen=True)
class KeyValueOptions:
    """The inputs of the key and value networks, and their layers."""

    key_input: str | None = option(
        None, "Endpoint of the network that feeds the key network, such as tdnn4.relu; null: the network's output."
    )
    value_input: str | None = option(None, "Endpoint of the network that feeds the value network; null: its output.")
    relu: str = option("relu", "Nonlinearity of the key and value networks.", choices=("relu", "prelu", "lrelu"))
    slope: float = option(0.01, "Slope below zero: the fixed one of lrelu, the initial one of prelu.", low=0)
    bn_eps: float = option(1e-5, "Added to the variance in batch normalization.", above=0)
    bn_momentum: float = option(0.1, "Weight of a batch in the running mean and variance.", above=0, high=1)


class KeyValuePooling(Pooling):
    """Base class of poolings that weight values by weights computed from keys.

    Args:
        in_dim: width of the network's output.
        options: a subclass of KeyValueOptions with key_dims and value_dims, the widths of the two networks.
        endpoint_dims: widths of the network's endpoints by name; None: it has none.
        key_type, value_type: what follows the last affine layer of each network (see `Dense`).

    Raises:
        InputError: the network has no endpoint of this name.
    """

    def __init__(self, in_dim, options, endpoint_dims, key_type, value_type):
        super().__init__()
        self.key_input, self.value_input = options.key_input, options.value_input
        widths = {None: in_dim} | (endpoint_dims or {})
        for key in ("key_input", "value_input"):
            name = getattr(options, key)
            if name not in widths:
                tail = nearest(name, endpoint_dims or {})
                raise InputError(f"pooling.{key}: the network has no endpoint {name}{tail}")
        self.key = DenseNetwork(widths[self.key_input], options.key_dims, key_type, options)
        self.value = DenseNetwork(widths[self.value_input], options.value_dims, value_type, options)

    @property
    def inputs(self):
        """Names of the endpoints that this pooling reads."""
        return tuple(name for name in (self.key_input, self.value_input) if name is not None)

    def keys_and_values(self, x, endpoints):
        """Computes keys (B, T, K) and values (B, T, V) from the network's output x and its endpoints."""
        keys = x if self.key_input is None else endpoints[self.key_input]
        values = x if self.value_input is None else endpoints[self.value_input]
        if keys.shape[1] != values.shape[1]:
            raise InputError(
                f"pooling.key_input {self.key_input or 'output'} has {keys.shape[1]} frames where value_input "
                f"{self.value_input or 'output'} has {values.shape[1]}; choose endpoints of the same length"
            )
        return self.key(keys), self.value(values)


class Dense(nn.Module):
    """An affine layer over (..., D) with its normalization and nonlinearity.

    Args:
        in_dim, dim: widths of input and output.
        kind: what follows the affine map: "affine" (nothing), "relu", "bn-relu" or "tanh".
        options: KeyValueOptions; uses `relu`, `slope`, `bn_eps` and `bn_momentum`.
    """

    def __init__(self, in_dim, dim, kind, options):
        super().__init__()
        self.affine = Linear(in_dim, dim)
        self.kind = kind
        if kind == "bn-relu":
            self.bn = BatchNorm(dim, eps=options.bn_eps, momentum=options.bn_momentum)
        if kind in ("relu", "bn-relu"):
            self.relu = Nonlinearity(options.relu, dim, options.slope)

    def __call__(self, x):
        x = self.affine(x)
        if self.kind == "tanh":
            return ops.tanh(x)
        if self.kind == "bn-relu":
            x = self.bn(x)
        return self.relu(x) if "relu" in self else x


class DenseNetwork(nn.Module):
    """Dense layers of the widths `dims`: bn-relu, the last one of `last_kind`. Without layers it is the identity."""

    def __init__(self, in_dim, dims, last_kind, options):
        super().__init__()
        self.layers = []
        for i, dim in enumerate(dims, start=1):
            kind = last_kind if i == len(dims) else "bn-relu"
            self.layers.append(Dense(in_dim, dim, kind, options))
            in_dim = dim
        self.out_dim = in_dim

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
