"""Convolutions over maps (B, F, T, C) and sequences (B, T, C), by the fastest algorithm for device and shape."""

from nnet.ops.binding import mx
from nnet.ops.depthwise import depthwise
from nnet.ops.gradients import in_inference
from nnet.ops.lanes import on_cpu
from nnet.ops.products import backward_filters, multiplied, pointwise
from nnet.ops.value import operation
from nnet.ops.winograd import backward_planes, filter_planes, filtered


def choose(shape, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """Chooses the algorithm for a convolution with a weight of `shape` (O, KF, KT, C) on the current device.

    pointwise: kernels of size 1 without stride are one matrix product, on any device.
    native: MLX's own convolution. On a GPU, all others; on a CPU, only other grouped ones, which no network here has.
    depthwise: one filter for each channel and no stride, tap by tap: 16 ns per value instead of 40 (3×3, one core).
    winograd: fewest multiplications. From 24 channels on, 3×3 kernels cost 9 ns per output and channel instead of 16
        (at 128 channels 14 instead of 42; Zen 3, one core); over time alone it pays from 128 channels on (9 instead of
        12). Depthwise 3×3 kernels cost 9 ns per value, and 30 with their gradients instead of 50 tap by tap.
    product: all others, as one matrix product of copied windows (im2col). MLX's own convolution on a CPU copies more
        slowly, and has no fast path for dilated ones and for the gradients of strided ones.
    """
    outputs, *kernel, channels = shape
    if kernel == [1, 1] and stride == (1, 1) and padding == (0, 0) and groups == 1:
        return "pointwise"
    same = all(p <= d * (k - 1) for k, p, d in zip(kernel, padding, dilation, strict=True))
    if groups > 1 and on_cpu() and channels == 1 and outputs == groups and stride == (1, 1) and same:
        return "winograd" if kernel == [3, 3] and dilation == (1, 1) else "depthwise"
    if groups > 1 or not on_cpu():
        return "native"
    width = min(outputs, channels)
    if kernel == [3, 3] and stride == (1, 1) and dilation == (1, 1) and width >= 24 and same:
        return "winograd"
    if kernel == [1, 3] and stride == (1, 1) and width >= 128 and same:
        return "winograd"
    return "product"


class Filter:
    """A convolution whose weight is prepared once for all shards of a batch.

    Args:
        weight: (O, KF, KT, C / groups), or (O, KT, C / groups) for sequences.
        bias: (O,), or None.
        stride, padding, dilation: pairs (F, T).
    """

    def __init__(self, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        self.weight = weight if weight.ndim == 4 else weight[:, None]
        self.bias = () if bias is None else (bias,)
        self.method = choose(self.weight.shape, stride, padding, dilation, groups)
        self.stride, self.dilation, self.groups = stride, dilation, groups
        self.padding = tuple((p, p) for p in padding)
        constant = mx.stop_gradient(self.weight)
        if self.method == "pointwise":
            self.weight = self.weight.reshape(len(weight), -1)
        elif self.method == "winograd":
            self.planes = filter_planes(constant)
            self.backward = self.planes if in_inference() else backward_planes(constant, depthwise=groups > 1)
        elif self.method == "product":
            self.backward = [] if in_inference() else backward_filters(constant, stride, self.padding, dilation)

    def __call__(self, x):
        """x (B, F, T, C) → (B, F', T', O), or sequences (B, T, C) → (B, T', O); a whole batch or a shard."""
        if x.ndim == 3 and self.method != "pointwise":
            return mx.squeeze(self(x[:, None]), 1)
        if self.method == "winograd":
            arrays = (self.weight, self.planes, self.backward, *self.bias)
            return filtered(x, *arrays, padding=self.padding, dilation=self.dilation[1])
        y = self._products(x)
        return y + self.bias[0] if self.bias else y

    def _products(self, x):
        if self.method == "pointwise":
            return pointwise(x, self.weight)
        if self.method == "depthwise":
            return depthwise(x, self.weight, padding=self.padding, dilation=self.dilation)
        shape = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        if self.method == "product":
            return multiplied(x, self.weight, *self.backward, **shape)
        padding = tuple(zip(*self.padding, strict=True))  # of both axes: before, after
        return mx.conv_general(x, self.weight, self.stride, padding, self.dilation, groups=self.groups)


@operation(prepare=Filter)
def conv(x, filter):
    """conv(x, weight, bias, *, stride, padding, dilation, groups): a convolution over maps or sequences.

    Args:
        x: maps (B, F, T, C) or sequences (B, T, C).
        weight: (O, KF, KT, C / groups), or (O, KT, C / groups) for sequences.
        bias: (O,), or None.
        stride, padding, dilation: pairs (F, T).
        groups: number of channel groups.
    """
    return filter(x)


@operation
def linear(x, weight, bias=None):
    """x Wᵀ + b over the last axis: x (..., I), weight (O, I), bias (O,) or None."""
    return x @ weight.T if bias is None else mx.addmm(bias, x, weight.T)


@operation
def context_linear(x, context, weight, bias):
    """Computes W [x; context] + b for every frame, with the product with the context computed once per utterance.

    Args:
        x: (B, T, C).
        context: (B, D).
        weight: (O, C + D) or (O, 1, C + D); bias: (O,).
    """
    of_frame, of_context = mx.split(weight.reshape(len(weight), -1), [x.shape[-1]], axis=1)
    return x @ of_frame.T + mx.addmm(bias, context, of_context.T)[:, None]
