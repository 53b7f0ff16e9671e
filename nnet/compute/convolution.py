"""Convolutions over maps (B, F, T, C) and sequences, channels last, as fast as the device allows."""

from nnet.compute import mx
from nnet.compute.lanes import on_cpu
from nnet.compute.products import backward_filters, multiplied
from nnet.compute.winograd import TILE, backward_planes, filter_planes, filtered


def choose(shape, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """The rule: how a convolution with a weight of `shape` (O, KF, KT, C) is computed on the current device.

    native: MLX's own. On a GPU always; on a CPU for groups, which no network of ours has.
    winograd: fewest products. From 24 channels on, 3×3 kernels cost 10 ns an output and channel instead of 13 to 20
        (Zen 3, one core; at 128 channels 16 instead of 50); over time alone, half the products pay from 128 channels.
    product: one product of copied windows, everything else. MLX's own convolution on a CPU copies more slowly, and
        dilated ones and the gradients of strided ones have no fast path at all.
    """
    if groups > 1 or not on_cpu():
        return "native"
    outputs, *kernel, channels = shape
    width = min(outputs, channels)
    if kernel == [3, 3] and stride == (1, 1) and dilation == (1, 1) and width >= 24:
        return "winograd"
    if kernel == [1, 3] and stride == (1, 1) and padding[1] % dilation[1] == 0 and width >= 128:
        return "winograd"
    return "product"


class Filter:
    """A convolution whose weight is made ready once, for all shards of a batch or for many batches.

    Args:
        weight: (O, KF, KT, C / groups).
        stride, padding, dilation: pairs (F, T).
    """

    def __init__(self, weight, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        self.how = choose(weight.shape, stride, padding, dilation, groups)
        self.weight, self.stride, self.dilation, self.groups = weight, stride, dilation, groups
        self.padding = tuple((p, p) for p in padding)
        constant = mx.stop_gradient(weight)
        if self.how == "winograd":
            self.prepared = [filter_planes(constant), backward_planes(constant)]
        elif self.how == "product":
            self.prepared = backward_filters(constant, stride, self.padding, dilation)

    def ready(self):
        """Computes what is prepared on a CPU now, rather than in whatever lane uses it first; returns itself."""
        if self.how != "native":
            mx.eval(self.weight, self.prepared)
        return self

    def __call__(self, x):
        """x (B, F, T, C), a whole batch or a shard → (B, F', T', O)."""
        return self._apply(x, self.padding)

    def part(self, x, axis, first, stop):
        """The bins (axis 1) or frames (axis 2) first, ..., stop - 1 of what calling it with x gives."""
        (before, _), stride = self.padding[axis - 1], self.stride[axis - 1]
        low = first * stride - before
        high = (stop - 1) * stride - before + self._reach(axis) + 1
        padding = list(self.padding)
        padding[axis - 1] = (max(0, -low), max(0, high - x.shape[axis]))
        inside = slice(max(0, low), high)
        return self._apply(x[:, inside] if axis == 1 else x[:, :, inside], tuple(padding))

    def size(self, axis, size):
        """How many bins (axis 1) or frames (axis 2) come out where `size` go in."""
        return (size + sum(self.padding[axis - 1]) - self._reach(axis) - 1) // self.stride[axis - 1] + 1

    def tile(self, axis):
        """How many bins (axis 1) or frames (axis 2) are computed together."""
        return TILE * self.dilation[axis - 1] if self.how == "winograd" and self.weight.shape[axis] == 3 else 1

    def _reach(self, axis):
        return self.dilation[axis - 1] * (self.weight.shape[axis] - 1)

    def _apply(self, x, padding):
        if self.how == "winograd":
            return filtered(x, self.weight, *self.prepared, padding=padding, dilation=self.dilation[1])
        shape = {"stride": self.stride, "padding": padding, "dilation": self.dilation}
        if self.how == "product":
            return multiplied(x, self.weight, *self.prepared, **shape)
        padding = tuple(zip(*padding, strict=True))  # of both axes: before, after
        return mx.conv_general(x, self.weight, self.stride, padding, self.dilation, groups=self.groups)
