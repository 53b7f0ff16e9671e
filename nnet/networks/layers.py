"""The layers that networks are made of, channels last. How each one is computed is the business of nnet.ops.

A batch may go through them in shards (see `nnet.ops.lanes`): a network must not change in place (`x += y`,
`x[...] = y`) what a layer has returned.
"""

import math
from collections import namedtuple

from nnet.ops import mx, nn
from nnet.ops.blocks import in_blocks
from nnet.ops.convolution import Filter
from nnet.ops.cost import note
from nnet.ops.inference import started
from nnet.ops.lanes import FRAMES, between, each, join, run_in_lanes, shards
from nnet.ops.memo import Memo
from nnet.ops.normalization import batch_statistics, rectified, scaled

LEAST_SCALE = 1e-12  # of a normalisation, whose outputs do not depend on their inputs below that


def relu(x):
    """max(x, 0)."""
    return each(rectified, x, along=FRAMES)


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


Folded = namedtuple("Folded", "first filter relu_inside")
Folded.__doc__ = """A convolution and the normalisations around it: `filter` of `first`(x).

`relu_inside` of that is what a ReLU between the convolution and the normalisation after it would have made of it.
"""


def relu_between(scale, shift):
    """The function of s x + t that gives s max(x, 0) + t: max(s x + t, t), or min where s is negative."""
    low, high = mx.where(scale >= 0, shift, -mx.inf), mx.where(scale < 0, shift, mx.inf)
    mx.eval(low, high)
    if mx.all(scale >= 0).item():
        return lambda y: mx.maximum(y, low)
    return lambda y: mx.minimum(mx.maximum(y, low), high)


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
            return self.apply(x, self._filter(self.weight, self.get("bias")))
        arrays = [v for v in self.values() if isinstance(v, mx.array)]
        filter = self._plain.get(arrays, lambda: self._filter(self.weight, self.get("bias")).ready())
        return self.apply(x, filter)

    def apply(self, x, filter, *residual, activation=None, first=None):
        """activation(first(x) through the filter [+ residual]); activation treats the channels of a map all alike."""

        def finish(y, *residual):
            y = y + residual[0] if residual else y
            return activation(y) if activation else y

        def part(begin, stop, function):
            y = finish(function(), *[join(between(r, begin, stop, axis), axis) for r in residual])
            started(y)
            return y

        def whole(x, *residual):
            return finish(filter(first(x) if first else x), *residual)

        def shard(x, *residual):
            y = in_blocks(whole, x, *residual, rows=filter.block_rows(x))
            started(y)
            return y

        axis, parts = filter.parts(x) if filter.how != "pointwise" else (None, [])
        if len(parts) > 1:
            return note(self, join(run_in_lanes(part, parts), axis))
        return note(self, each(shard, x, *residual, along=FRAMES if filter.how == "pointwise" else 0))

    def folded(self, bn, before=None):
        """The convolution and `bn`, with its running statistics, after it as one: a `Folded`.

        before: the normalisation of a ReLU before it; for kernels of one value only.
        """
        modules = [m for m in (self, bn, before) if m is not None]
        arrays = [v for module in modules for v in module.values() if isinstance(v, mx.array)]
        return self._folded.get(arrays, lambda: self._fold(bn, before))

    def _fold(self, bn, before):
        scale, shift = bn.scale_and_shift()
        weight = self.weight * scale.reshape(-1, *[1] * (self.weight.ndim - 1))
        bias = shift + self.bias * scale if "bias" in self else shift
        dtype = self.weight.dtype
        inside, first = relu_between(scale, shift.astype(dtype)), None
        if before is not None:
            scale, shift = before.scale_and_shift()
            scale = mx.where(mx.abs(scale) < LEAST_SCALE, 0, scale)
            # relu(s x + t) is s max(x, -t/s) + t, or with min where s is negative.
            first = relu_between(scale, (-shift / mx.where(scale == 0, 1, scale)).astype(dtype))
            bias = bias + weight.reshape(len(weight), -1) @ mx.where(scale == 0, mx.maximum(shift, 0), shift)
            weight = weight * scale
        filter = self._filter(weight.astype(dtype), bias.astype(dtype))
        return Folded(first, filter.ready(), inside)

    def _filter(self, weight, bias):
        return Filter(weight, bias, self.stride, self.padding, self.dilation, self.groups)


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
    PyTorch: running ← (1 - momentum) running + momentum batch. All of these are float32, whatever the dtype of x.
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

    def apply(self, x, *residual, relu=False, statistics=None):
        """[relu](normalised x [+ residual]); statistics: `statistics_of` x, where they are known already."""
        if self.training:
            scale, shift = self.scale_and_shift(statistics or statistics_of(x))
        else:
            arrays = [v for v in self.values() if isinstance(v, mx.array)]
            scale, shift = self._running.get(arrays, self._ready)

        def shard(x, *residual):
            return scaled(x, scale, shift, *residual, relu=relu)

        return each(shard, x, *residual, along=FRAMES)

    def scale_and_shift(self, statistics=None):
        """The normalisation as one scale and one shift a channel, by a batch's statistics or else the running ones."""
        mean, var = self.running_mean, self.running_var
        if statistics is not None:
            mean, var, count = statistics
            self._track(mean, var, count)
        scale = mx.rsqrt(var + self.eps)
        scale = scale * self.weight if "weight" in self else scale
        shift = -mean * scale
        return scale, shift + self.bias if "bias" in self else shift

    def _ready(self):
        """That of the running statistics, computed now: another thread's streams cannot."""
        scale, shift = self.scale_and_shift()
        mx.eval(scale, shift)
        return scale, shift

    def _track(self, mean, var, count):
        keep, unbiased = 1 - self.momentum, count / max(count - 1, 1)
        self.running_mean = keep * self.running_mean + self.momentum * mx.stop_gradient(mean)
        self.running_var = keep * self.running_var + self.momentum * unbiased * mx.stop_gradient(var)


def statistics_of(x):
    """The Statistics by which a normalisation in training normalises the batch x."""
    return batch_statistics(shards(x))


def norm_relu(x, bn, statistics=None):
    """relu(bn(x)); statistics: those of x, where they are known already."""
    return bn.apply(x, relu=True, statistics=statistics)


def conv_relu_norm(x, conv, bn):
    """bn(relu(conv(x))), Kaldi's order; in eval mode one convolution, with the normalisation in its weights."""
    if bn.training:
        return bn(relu(conv(x)))
    folded = conv.folded(bn)
    return conv.apply(x, folded.filter, activation=folded.relu_inside)


def conv_norm(x, conv, bn, relu=False, residual=None, before=None, statistics=None):
    """[relu](bn(conv(x)) [+ residual]); in eval mode one convolution, with the normalisation in its weights.

    before: a normalisation with a ReLU that precede the convolution, whose kernel has one value then.
    statistics: those of x for `before`, where they are known already.
    """
    residual = () if residual is None else (residual,)
    if bn.training or (before is not None and before.training):
        x = x if before is None else norm_relu(x, before, statistics)
        return bn.apply(conv(x), *residual, relu=relu)
    first, filter, _ = conv.folded(bn, before)
    return conv.apply(x, filter, *residual, activation=rectified if relu else None, first=first)


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _uniform(shape, fan_in):
    bound = 1 / math.sqrt(fan_in)  # PyTorch's default for convolutions and linear layers
    return mx.random.uniform(-bound, bound, shape)
