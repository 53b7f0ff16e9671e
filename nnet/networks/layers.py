"""Basic layers of the networks, channels last, written in the operations of `nnet.ops`."""

import math

from nnet import ops
from nnet.ops import mx, nn


class Linear(nn.Module):
    """y = x Wᵀ + b over the last axis; weight (output_dims, input_dims)."""

    def __init__(self, input_dims, output_dims, bias=True):
        super().__init__()
        self.weight = _uniform((output_dims, input_dims), input_dims)
        if bias:
            self.bias = _uniform((output_dims,), input_dims)

    def __call__(self, x):
        return ops.linear(x, self.weight, self.get("bias"))


class _Convolution(nn.Module):
    """Base class of convolutions with weight (O, KF, KT, C / groups), or (O, KT, C / groups) over time, and bias.

    stride, padding and dilation are pairs (F, T).
    """

    def __init__(self, shape, stride, padding, dilation, groups, bias):
        super().__init__()
        fan_in = math.prod(shape[1:])
        self._shape = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        self.weight = _uniform(shape, fan_in)
        if bias:
            self.bias = _uniform(shape[:1], fan_in)

    def __call__(self, x):
        return ops.conv(x, self.weight, self.get("bias"), **self._shape)


class Conv1d(_Convolution):
    """1-D convolution over x (B, T, C) → (B, T', O); weight (O, K, C / groups)."""

    def __init__(self, in_channels, out_channels, kernel_size=1, stride=1, dilation=1, padding=0, groups=1, bias=True):
        shape = (out_channels, kernel_size, in_channels // groups)
        super().__init__(shape, (1, stride), (0, padding), (1, dilation), groups, bias)


class Conv2d(_Convolution):
    """2-D convolution over x (B, F, T, C) → (B, F', T', O); weight (O, KF, KT, C / groups). Pairs are (F, T)."""

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, padding=1, bias=False, dilation=1, groups=1):
        shape = (out_channels, *_pair(kernel_size), in_channels // groups)
        super().__init__(shape, _pair(stride), _pair(padding), _pair(dilation), groups, bias)


class BatchNorm(nn.Module):
    """Batch normalization over all axes but the last (Ioffe and Szegedy, 2015, Algorithm 1).

    As in PyTorch, training normalizes by the biased variance of the batch and updates the running estimate with the
    unbiased one: running ← (1 - momentum) running + momentum batch. Statistics are float32, whatever the dtype of x.
    """

    def __init__(self, dims, eps=1e-5, momentum=0.1, affine=True):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        if affine:
            self.weight = mx.ones((dims,))
            self.bias = mx.zeros((dims,))
        self.running_mean = mx.zeros((dims,))
        self.running_var = mx.ones((dims,))
        self.freeze(keys=["running_mean", "running_var"], recurse=False)

    def unfreeze(self, *args, **kwargs):
        super().unfreeze(*args, **kwargs)
        self.freeze(keys=["running_mean", "running_var"], recurse=False)

    def __call__(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var, count = ops.batch_statistics(x)
            self._track(mean, var, count)
        return ops.scale_shift(x, *self.scale_and_shift(mean, var))

    def scale_and_shift(self, mean, var):
        """Returns (C,) each: what normalizing by this mean and variance multiplies channels by, and adds to them."""
        scale = mx.rsqrt(var + self.eps)
        scale = scale * self.weight if "weight" in self else scale
        return scale, self.bias - mean * scale if "bias" in self else -mean * scale

    def _track(self, mean, var, count):
        keep, unbiased = 1 - self.momentum, count / max(count - 1, 1)
        self.running_mean = keep * self.running_mean + self.momentum * mx.stop_gradient(mean)
        self.running_var = keep * self.running_var + self.momentum * unbiased * mx.stop_gradient(var)


class LayerNorm(nn.Module):
    """Layer normalization over the last axis (Ba et al. 2016, "Layer normalization", eq. 4)."""

    def __init__(self, dims, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = mx.ones((dims,))
        self.bias = mx.zeros((dims,))

    def __call__(self, x):
        return ops.layer_norm(x, self.weight, self.bias, eps=self.eps)


class InstanceNorm(nn.Module):
    """Instance normalization over time of x (B, T, C) (Ulyanov et al. 2016, "Instance normalization")."""

    def __init__(self, dims, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = mx.ones((dims,))
        self.bias = mx.zeros((dims,))

    def __call__(self, x):
        return ops.instance_norm(x, self.weight, self.bias, eps=self.eps)


class Lstm(nn.Module):
    """A layer of an LSTM over x (B, T, C) → (B, T, directions * width); see `nnet.ops.lstm`."""

    def __init__(self, input_dims, width, directions=2):
        super().__init__()
        self.input_weight = _uniform((directions, 4 * width, input_dims), width)
        self.state_weight = _uniform((directions, 4 * width, width), width)
        self.bias = _uniform((directions, 4 * width), width)

    def __call__(self, x):
        return ops.lstm(x, self.input_weight, self.state_weight, self.bias)


class Nonlinearity(nn.Module):
    """relu, lrelu (fixed slope below zero) or prelu (learned slope per channel, initially `slope`): (..., D)."""

    def __init__(self, kind, dim, slope):
        super().__init__()
        self.kind, self.slope = kind, slope
        if kind == "prelu":
            self.weight = mx.full((dim,), slope)

    def __call__(self, x):
        if self.kind == "prelu":
            return ops.prelu(x, self.weight)
        return ops.relu(x) if self.kind == "relu" else ops.leaky_relu(x, slope=self.slope)


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _uniform(shape, fan_in):
    bound = 1 / math.sqrt(fan_in)  # PyTorch's default for convolutions and linear layers
    return mx.random.uniform(-bound, bound, shape)
