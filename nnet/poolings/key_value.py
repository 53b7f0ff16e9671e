"""Keys and values: frames of any endpoint through small networks of their own, as tf-kaldi-speaker's poolings do it."""

from nnet import ops
from nnet.errors import InputError
from nnet.networks.layers import BatchNorm, Linear, Nonlinearity
from nnet.ops import nn
from nnet.options import nearest
from nnet.poolings.base import Pooling


class KeyValuePooling(Pooling):
    """A pooling of values that are weighted by what keys say.

    Args:
        key_input, value_input: the endpoint that keys or values are made from; None: the network's output.
        key_dims, key_type, value_dims, value_type: the widths of the two networks, and what ends each (see `Dense`).
        layer_options: relu, slope, bn_eps and bn_momentum of their layers.
    """

    uses_endpoints = True

    def __init__(
        self, in_dim, endpoint_dims, key_input, key_dims, key_type, value_input, value_dims, value_type, layer_options
    ):
        super().__init__()
        self.key_input, self.value_input = key_input, value_input
        widths = {None: in_dim} | (endpoint_dims or {})
        for option, name in (("key_input", key_input), ("value_input", value_input)):
            if name not in widths:
                tail = nearest(name, endpoint_dims or {})
                raise InputError(f"pooling.{option}: the network has no endpoint {name}{tail}")
        self.key = DenseNetwork(widths[key_input], key_dims, key_type, layer_options)
        self.value = DenseNetwork(widths[value_input], value_dims, value_type, layer_options)

    @property
    def inputs(self):
        """Names of the endpoints that are read."""
        return tuple(name for name in (self.key_input, self.value_input) if name is not None)

    def keys_and_values(self, x, endpoints):
        """Keys and values, (B, T, K) and (B, T, V), of the network's output x and its endpoints."""
        keys = x if self.key_input is None else endpoints[self.key_input]
        values = x if self.value_input is None else endpoints[self.value_input]
        if keys.shape[1] != values.shape[1]:
            raise InputError(
                f"pooling.key_input {self.key_input or 'output'} has {keys.shape[1]} frames where value_input "
                f"{self.value_input or 'output'} has {values.shape[1]}; choose endpoints of the same length"
            )
        return self.key(keys), self.value(values)


class Dense(nn.Module):
    """An affine map over (..., D) and what follows it.

    Args:
        kind: "affine" (nothing follows), "relu", "bn-relu" or "tanh".
        relu: "relu", "prelu" or "lrelu", with `slope` below zero.
    """

    def __init__(self, in_dim, dim, kind, relu, slope, bn_eps, bn_momentum):
        super().__init__()
        self.affine = Linear(in_dim, dim)
        self.kind = kind
        if kind == "bn-relu":
            self.bn = BatchNorm(dim, eps=bn_eps, momentum=bn_momentum)
        if kind in ("relu", "bn-relu"):
            self.relu = Nonlinearity(relu, dim, slope)

    def __call__(self, x):
        x = self.affine(x)
        if self.kind == "tanh":
            return ops.tanh(x)
        if self.kind == "bn-relu":
            x = self.bn(x)
        return self.relu(x) if "relu" in self else x


class DenseNetwork(nn.Module):
    """Dense layers of the widths `dims`, bn-relu but for the last, which is of `last_kind`; none where dims is empty.

    Args:
        layer_options: relu, slope, bn_eps and bn_momentum of `Dense`.
    """

    def __init__(self, in_dim, dims, last_kind, layer_options):
        super().__init__()
        self.layers = []
        for i, dim in enumerate(dims, start=1):
            kind = last_kind if i == len(dims) else "bn-relu"
            self.layers.append(Dense(in_dim, dim, kind, **layer_options))
            in_dim = dim
        self.out_dim = in_dim

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
