"""The layers that networks are made of, channels last. How each one is computed is the business of nnet.compute.

A batch may go through them in shards (see `nnet.compute.lanes`): a network must not change in place (`x += y`,
`x[...] = y`) what a layer has returned.
"""

import math

from nnet.compute import mx, nn
from nnet.compute.convolution import Filter
from nnet.compute.inference import started
from nnet.compute.lanes import each, join, run_in_lanes, shards
from nnet.compute.memo import Memo
from nnet.compute.normalization import batch_statistics, rectified, scaled
from nnet.networks.tally import note


def relu(x):
    """max(x, 0)."""
    return each(rectified, x, along=1)


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


class _Convolution(nn.Module):
    """What the convolutions share: weight (O, KF, KT, C / groups), or (O, KT, C / groups) over time, and bias.

    stride, padding and dilation are pairs (F, T).
    """

    def __init__(self, shape, stride, padding, dilation, groups, bias):
        super().__init__()
        fan_in = math.prod(shape[1:])
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        self.weight = _uniform(shape, fan_in)
        if bias:
            self.bias = _uniform(shape[:1], fan_in)
        self._plain, self._folded = Memo(), Memo()

    def __call__(self, x):
        if self.training:
            return self.apply(x, self._filter(self.weight), self.get("bias"))
        filter = self._plain.get([self.weight], lambda: self._filter(self.weight).ready())
        return self.apply(x, filter, self.get("bias"))

    def apply(self, x, filter, bias, *residual, relu=False):
        """[relu](x through the filter + bias [+ residual])."""

        def finish(y, *residual):
            for term in (bias, *residual):
                y = y if term is None else y + term
            return rectified(y) if relu else y

        def part(first, stop):
            y = finish(filter.part(x, first, stop), *[r[:, first:stop] for r in residual])
            started(y)
            return y

        def whole(x, *residual):
            y = finish(filter(x), *residual)
            started(y)
            return y

        parts = filter.ranges(x) if filter.how != "pointwise" else []
        if len(parts) > 1:
            return note(self, join(run_in_lanes(part, parts), axis=1))
        return note(self, each(whole, x, *residual, along=1 if filter.how == "pointwise" else 0))

    def folded(self, bn):
        """Filter and bias that stand for this convolution and `bn`, with its running statistics, after it."""
        arrays = [v for module in (self, bn) for v in module.values() if isinstance(v, mx.array)]
        return self._folded.get(arrays, lambda: self._fold(*bn.scale_and_shift()))

    def _fold(self, scale, shift):
        if "bias" in self:
            shift = shift + self.bias * scale
        return self._filter(self.weight * scale.reshape(-1, *[1] * (self.weight.ndim - 1))).ready(), shift

    def _filter(self, weight):
        return Filter(weight, self.stride, self.padding, self.dilation, self.groups)


class Conv1d(_Convolution):
    """1-D convolution over x (B, T, C) → (B, T', O); weight (O, K, C / groups)."""

    def __init__(self, in_channels, out_channels, kernel_size=1, stride=1, dilation=1, padding=0, groups=1, bias=True):
        shape = (out_channels, kernel_size, in_channels // groups)
        super().__init__(shape, (1, stride), (0, padding), (1, dilation), groups, bias)


class Conv2d(_Convolution):
    """2-D convolution over x (B, F, T, C) → (B, F', T', O); weight (O, KF, KT, C). Pairs are (F, T)."""

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, padding=1, bias=False):
        shape = (out_channels, *_pair(kernel_size), in_channels)
        super().__init__(shape, _pair(stride), _pair(padding), (1, 1), 1, bias)


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
        self._running = Memo()
        self.freeze(keys=["running_mean", "running_var"], recurse=False)

    def unfreeze(self, *args, **kwargs):
        super().unfreeze(*args, **kwargs)
        self.freeze(keys=["running_mean", "running_var"], recurse=False)

    def __call__(self, x):
        return self.apply(x)

    def apply(self, x, *residual, relu=False):
        """[relu](normalised x [+ residual])."""
        if self.training:
            scale, shift = self.scale_and_shift(x)
        else:
            arrays = [v for v in self.values() if isinstance(v, mx.array)]
            scale, shift = self._running.get(arrays, self.scale_and_shift)

        def shard(x, *residual):
            return scaled(x, scale, shift, *residual, relu=relu)

        return each(shard, x, *residual, along=1 if x.ndim > 2 else 0)

    def scale_and_shift(self, x=None):
        """The normalisation as one scale and one shift a channel, from the batch x or else the running statistics."""
        mean, var = self.running_mean, self.running_var
        if x is not None:
            mean, var, count = batch_statistics(shards(x))
            self._track(mean, var, count)
        scale = mx.rsqrt(var + self.eps)
        scale = scale * self.weight if "weight" in self else scale
        shift = -mean * scale
        return scale, shift + self.bias if "bias" in self else shift

    def _track(self, mean, var, count):
        keep, unbiased = 1 - self.momentum, count / max(count - 1, 1)
        self.running_mean = keep * self.running_mean + self.momentum * mx.stop_gradient(mean)
        self.running_var = keep * self.running_var + self.momentum * unbiased * mx.stop_gradient(var)


def norm_relu(x, bn):
    """relu(bn(x))."""
    return bn.apply(x, relu=True)


def relu_norm(x, bn):
    """bn(relu(x)), Kaldi's order."""
    return bn(relu(x))


def conv_norm(x, conv, bn, relu=False, residual=None):
    """[relu](bn(conv(x)) [+ residual]); in eval mode one convolution, with the normalisation in its weights."""
    residual = () if residual is None else (residual,)
    if bn.training:
        return bn.apply(conv(x), *residual, relu=relu)
    return conv.apply(x, *conv.folded(bn), *residual, relu=relu)


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _uniform(shape, fan_in):
    bound = 1 / math.sqrt(fan_in)  # PyTorch's default for convolutions and linear layers
    return mx.random.uniform(-bound, bound, shape)
