"""The layers that networks are made of, channels last. How each one is computed is the business of nnet.compute."""

import math

from nnet.compute import mx, nn
from nnet.networks.tally import note


def relu(x):
    """max(x, 0)."""
    return mx.maximum(x, 0)


class Linear(nn.Module):
    """y = x Wᵀ + b over the last axis; weight (output_dims, input_dims)."""

    def __init__(self, input_dims, output_dims, bias=True):
        super().__init__()
        self.weight = _uniform((output_dims, input_dims), input_dims)
        if bias:
            self.bias = _uniform((output_dims,), input_dims)

    def __call__(self, x):
        if "bias" in self:
            return note(self, mx.addmm(self.bias, x, self.weight.T))
        return note(self, x @ self.weight.T)


class Conv1d(nn.Module):
    """1-D convolution over x (B, T, C) → (B, T', O); weight (O, K, C / groups)."""

    def __init__(self, in_channels, out_channels, kernel_size=1, stride=1, dilation=1, padding=0, groups=1, bias=True):
        super().__init__()
        fan_in = kernel_size * in_channels // groups
        self.stride, self.dilation, self.padding, self.groups = stride, dilation, padding, groups
        self.weight = _uniform((out_channels, kernel_size, in_channels // groups), fan_in)
        if bias:
            self.bias = _uniform((out_channels,), fan_in)

    def __call__(self, x):
        y = note(self, self._convolve(x))
        return y + self.bias if "bias" in self else y

    def _convolve(self, x):
        kernel = self.weight.shape[1]
        if self.groups > 1:
            return mx.conv1d(x, self.weight, self.stride, self.padding, self.dilation, self.groups)
        if self.padding:
            x = mx.pad(x, ((0, 0), (self.padding, self.padding), (0, 0)))
        frames = (x.shape[1] - self.dilation * (kernel - 1) - 1) // self.stride + 1
        last = (frames - 1) * self.stride + 1
        shifts = [k * self.dilation for k in range(kernel)]
        spliced = [x[:, s : s + last : self.stride] for s in shifts]  # K × (B, T', C)
        x = spliced[0] if kernel == 1 else mx.concatenate(spliced, axis=-1)
        return x @ self.weight.reshape(self.weight.shape[0], -1).T


class Conv2d(nn.Module):
    """2-D convolution over x (B, F, T, C) → (B, F', T', O); weight (O, KF, KT, C). Pairs are (F, T)."""

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, padding=1, bias=False):
        super().__init__()
        kernel = _pair(kernel_size)
        fan_in = kernel[0] * kernel[1] * in_channels
        self.stride, self.padding = _pair(stride), _pair(padding)
        self.weight = _uniform((out_channels, *kernel, in_channels), fan_in)
        if bias:
            self.bias = _uniform((out_channels,), fan_in)

    def __call__(self, x):
        y = note(self, mx.conv2d(x, self.weight, self.stride, self.padding))
        return y + self.bias if "bias" in self else y


class BatchNorm(nn.Module):
    """Batch normalisation over all axes but the last (Ioffe and Szegedy, 2015, Algorithm 1).

    In training the biased variance of the batch normalises, and the unbiased one goes into the running estimate, as in
    PyTorch: running ← (1 - momentum) running + momentum batch.
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
        axes = tuple(range(x.ndim - 1))
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = mx.mean(x, axis=axes), mx.var(x, axis=axes)
            self._track(mean, var, math.prod(x.shape[:-1]))
        y = (x - mean) * mx.rsqrt(var + self.eps)
        return y * self.weight + self.bias if "weight" in self else y

    def _track(self, mean, var, count):
        keep, unbiased = 1 - self.momentum, count / max(count - 1, 1)
        self.running_mean = keep * self.running_mean + self.momentum * mx.stop_gradient(mean)
        self.running_var = keep * self.running_var + self.momentum * unbiased * mx.stop_gradient(var)


def norm_relu(x, bn):
    """relu(bn(x))."""
    return relu(bn(x))


def relu_norm(x, bn):
    """bn(relu(x)), Kaldi's order."""
    return bn(relu(x))


def conv_norm(x, conv, bn, relu=False, residual=None):
    """[relu](bn(conv(x)) [+ residual])."""
    y = bn(conv(x))
    if residual is not None:
        y = y + residual
    return mx.maximum(y, 0) if relu else y


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _uniform(shape, fan_in):
    bound = 1 / math.sqrt(fan_in)  # PyTorch's default for convolutions and linear layers
    return mx.random.uniform(-bound, bound, shape)
