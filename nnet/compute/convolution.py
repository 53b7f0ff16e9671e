"""Convolutions over maps (B, F, T, C) and sequences, channels last, as fast as the device allows."""

from nnet.compute import mx
from nnet.compute.lanes import on_cpu
from nnet.compute.products import backward_filters, multiplied
from nnet.compute.winograd import backward_planes, filter_planes, filtered


def choose(shape, stride, padding, dilation, groups):
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
        self.weight = weight
        constant = mx.stop_gradient(weight)
        if self.how == "winograd":
            self.arrays = (weight, filter_planes(constant), backward_planes(constant))
            self.options = {"padding": padding, "dilation": dilation[1]}
        elif self.how == "product":
            self.arrays = (weight, *backward_filters(constant, stride, padding, dilation))
            self.options = {"stride": stride, "padding": padding, "dilation": dilation}
        else:
            self.options = {"stride": stride, "padding": padding, "kernel_dilation": dilation, "groups": groups}

    def ready(self):
        """Computes on a CPU what is prepared, rather than in each of the lanes that use it first; returns itself."""
        if self.how != "native":
            mx.eval(self.arrays)
        return self

    def __call__(self, x):
        """x (B, F, T, C), a whole batch or a shard → (B, F', T', O)."""
        if self.how == "winograd":
            return filtered(x, *self.arrays, **self.options)
        if self.how == "product":
            return multiplied(x, *self.arrays, **self.options)
        return mx.conv_general(x, self.weight, **self.options)
