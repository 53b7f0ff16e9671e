"""Convolutions over maps (B, F, T, C) and sequences, channels last, as fast as the device allows."""

import functools
import math

from nnet.ops import mx, strassen
from nnet.ops.copies import assembled, concatenated, copied
from nnet.ops.inference import inferring, started
from nnet.ops.lanes import CHANNELS, FRAMES, SHARD_FRAMES, between, join, on_cpu, ranges, run_in_lanes
from nnet.ops.products import backward_filters, multiplied, pointwise
from nnet.ops.tiles import TILE, tiling
from nnet.ops.winograd import backward_planes, filter_planes, filtered, from_planes, to_planes


def choose(shape, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """The rule: how a convolution with a weight of `shape` (O, KF, KT, C) is computed on the current device.

    pointwise: kernels of one value without stride are one product, on any device; for large ones see
        `nnet.ops.strassen`.
    native: MLX's own. On a GPU everything else; on a CPU groups alone, which no network of ours has.
    winograd: fewest products. From 24 channels on, 3×3 kernels cost 9 ns an output and channel instead of 16 (at 128
        channels 14 instead of 42; Zen 3, one core); over time alone it pays from 128 channels on (9 instead of 12).
    product: one product of copied windows, everything else. MLX's own convolution on a CPU copies more slowly, and
        dilated ones and the gradients of strided ones have no fast path at all.
    """
    outputs, *kernel, channels = shape
    if kernel == [1, 1] and stride == (1, 1) and padding == (0, 0) and groups == 1:
        return "pointwise"
    if groups > 1 or not on_cpu():
        return "native"
    width = min(outputs, channels)
    same = all(p <= d * (k - 1) for k, p, d in zip(kernel, padding, dilation, strict=True))
    if kernel == [3, 3] and stride == (1, 1) and dilation == (1, 1) and width >= 24 and same:
        return "winograd"
    if kernel == [1, 3] and stride == (1, 1) and width >= 128 and same:
        return "winograd"
    return "product"


# Rows of a product with a matrix of so many values. With more of them the matrix and the rows leave the caches in
# turns: 70 instead of 95 GFLOP/s (1536 × 1536 values, MKL, Zen 3) whenever neighbours use the shared cache.
BLOCK_ROWS, LARGE = 400, 2**18


class Filter:
    """A convolution whose weight is made ready once, for all shards of a batch or for many batches.

    Args:
        weight: (O, KF, KT, C / groups), or (O, KT, C / groups) for sequences.
        bias: (O,), or None.
        stride, padding, dilation: pairs (F, T).
    """

    def __init__(self, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        self.weight = weight if weight.ndim == 4 else weight[:, None]
        self.bias = [] if bias is None else [bias]
        self.how = choose(self.weight.shape, stride, padding, dilation, groups)
        self.stride, self.dilation, self.groups = stride, dilation, groups
        self.padding = tuple((p, p) for p in padding)
        self.planes, self.backward, self.factors, self._shares = [], [], [], []
        constant = mx.stop_gradient(self.weight)
        if self.how == "pointwise":
            self.weight = self.weight.reshape(len(weight), -1)
        elif self.how == "winograd":
            self.planes, self.backward = filter_planes(constant), [backward_planes(constant)]
        elif self.how == "product":
            self.backward = backward_filters(constant, stride, self.padding, dilation)

    def ready(self):
        """Computes on a CPU what is prepared now, rather than in whatever lane uses it first; returns itself."""
        if on_cpu():
            if self.how == "winograd" and inferring():  # products read the planes faster in this order
                self.planes = copied(self.planes)
            if self.how == "pointwise" and strassen.suits(self.weight):
                self.factors = strassen.factors(self.weight)
            mx.eval(self.weight, self.bias, self.planes, self.factors, [] if inferring() else self.backward)
        return self

    def __call__(self, x):
        """x (B, F, T, C) → (B, F', T', O), or sequences (B, T, C) → (B, T', O); a whole batch or a shard."""
        return self._apply(x, self.padding)

    def block_rows(self, x):
        """How many frames of x (B, T, C) are computed at once, for the caches."""
        if self.how != "pointwise" or self.weight.size < LARGE or not inferring() or not on_cpu():
            return x.shape[0] * x.shape[1]
        return SHARD_FRAMES if self.factors and strassen.enough(x) else BLOCK_ROWS

    def parts(self, x):
        """How lanes can compute the result for x at once: along which axis, and (first, stop, function) of each part.

        There is one part unless x is a single utterance.
        """
        cuts = ranges(len(self.weight), 1, x)
        if len(cuts) > 1 and self._by_channels(x):
            return CHANNELS, self._parts_of_channels(x, cuts)
        size = (x.shape[FRAMES] + sum(self.padding[1]) - self._reach() - 1) // self.stride[1] + 1
        cuts = ranges(size, TILE * self.dilation[1] if self.how == "winograd" else 1, x)
        return FRAMES, [(*cut, functools.partial(self.part, x, *cut)) for cut in cuts]

    def part(self, x, first, stop):
        """The frames first, ..., stop - 1 of what calling it with x gives."""
        bins, (before, _) = self.padding
        low = first * self.stride[1] - before
        high = (stop - 1) * self.stride[1] - before + self._reach() + 1
        frames = x.shape[FRAMES]
        padding = (max(0, -low), max(0, high - frames))
        pieces = between(x, max(0, low), min(high, frames), FRAMES)
        if len(pieces) == 1 or not inferring():
            return self._apply(join(pieces, FRAMES), (bins, padding))
        if x.ndim == 3:
            pieces = [piece[:, None] for piece in pieces]
        y = self._apply(assembled(pieces, bins, padding), ((0, 0), (0, 0)))
        return y if x.ndim == 4 else mx.squeeze(y, 1)

    def _by_channels(self, x):
        """Whether the filter's planes are more than the tiles of a single map, so that reading them takes the time."""
        outputs, *_, channels = self.weight.shape
        if self.how != "winograd" or not inferring() or x.ndim == 3 or len(x) > 1 or outputs != channels:
            return False
        return outputs > math.prod(tiling(x.shape, len(self.planes), self.padding, self.dilation[1]).count)

    def _parts_of_channels(self, x, cuts):
        """Each lane makes the tiles of some input channels, reads the planes of as many outputs, and makes these."""
        shape = {"padding": self.padding, "dilation": self.dilation[1]}

        def tiles(first, stop):
            return to_planes(join(between(x, first, stop, CHANNELS), CHANNELS), len(self.planes), **shape)

        def part(i, first, stop):
            own, others = self._shares[i]
            rest = concatenated(inputs[:i] + inputs[i + 1 :], CHANNELS)
            products = mx.addmm(inputs[i] @ own, rest, others)  # its own come first: they are there already
            return from_planes(products, x.shape, *[b[first:stop] for b in self.bias], **shape).astype(x.dtype)

        if len(self._shares) != len(cuts):
            shares = [self._share(*cut) for cut in cuts]
            mx.eval(shares)  # before another thread sees them
            self._shares = shares
        inputs = run_in_lanes(tiles, cuts)
        started(*inputs)  # all lanes need them: started with a part, they would count as done only when it is
        return [(*cut, functools.partial(part, i, *cut)) for i, cut in enumerate(cuts)]

    def _share(self, first, stop):
        """The planes of these outputs for the same channels of inputs, and for the others: (49, channels, outputs)."""
        planes = self.planes[:, :, first:stop]
        rest = mx.concatenate([planes[:, :first], planes[:, stop:]], axis=1)
        return copied(planes[:, first:stop]), copied(rest)

    def _reach(self):
        return 0 if self.how == "pointwise" else self.dilation[1] * (self.weight.shape[2] - 1)

    def _apply(self, x, padding):
        if x.ndim == 3 and self.how != "pointwise":
            return mx.squeeze(self._apply(x[:, None], padding), 1)
        if self.how == "winograd":
            arrays = (self.weight, self.planes, *self.backward, *self.bias)
            return filtered(x, *arrays, padding=padding, dilation=self.dilation[1])
        y = self._products(x, padding)
        return y + self.bias[0] if self.bias else y

    def _products(self, x, padding):
        if self.how == "pointwise":
            if self.factors and strassen.enough(x):
                return strassen.multiplied(x, self.factors)
            return pointwise(x, self.weight)
        shape = {"stride": self.stride, "padding": padding, "dilation": self.dilation}
        if self.how == "product":
            return multiplied(x, self.weight, *self.backward, **shape)
        padding = tuple(zip(*padding, strict=True))  # of both axes: before, after
        return mx.conv_general(x, self.weight, self.stride, padding, self.dilation, groups=self.groups)
