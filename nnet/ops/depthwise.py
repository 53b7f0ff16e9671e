"""Depthwise convolutions, where each output channel sees one input channel, as a sum of shifted products.

A product of matrices would multiply mostly by zeros. Each tap costs a product and a sum over the whole map, which MLX
vectorizes over the channels of a frame, or over its frames and channels where these are few.
"""

from nnet.ops.binding import mx
from nnet.ops.copies import padded
from nnet.ops.gradients import WithGradient
from nnet.ops.normalization import column_sums

_VECTOR = 32  # values of a row of weights from which on MLX computes at full speed


def _forward(x, weight, *, padding):
    return _filtered(x, weight, padding)


def _backward(arrays, dy, _, *, padding):
    x, weight = arrays
    kernel = weight.shape[1:3]
    back = tuple((k - 1 - before, k - 1 - after) for k, (before, after) in zip(kernel, padding, strict=True))
    views = _views(x, kernel, padding, dy.shape)
    products = [column_sums((dy * view).reshape(-1, dy.shape[-1])) for view in views]
    dweight = mx.stack(products, axis=1).reshape(weight.shape)
    return _filtered(dy, weight[:, ::-1, ::-1], back), dweight


depthwise = WithGradient(_forward, _backward)
depthwise.__doc__ = """depthwise(x, weight, padding=): a depthwise convolution of stride 1 without dilation.

x (B, F, T, C), weight (C, KF, KT, 1) → (B, F', T', C). padding is (before, after) for bins and for frames, at most
KF - 1 and KT - 1 each.
"""


def _filtered(x, weight, padding):
    batch, bins, frames, channels = x.shape
    kernel = weight.shape[1:3]
    size = [n + sum(p) - k + 1 for n, k, p in zip((bins, frames), kernel, padding, strict=True)]
    taps = weight.reshape(channels, -1).T
    if channels < _VECTOR and bins > 1:
        taps = mx.contiguous(mx.broadcast_to(taps[:, None], (len(taps), size[1], channels)))
    total = None
    for view, tap in zip(_views(x, kernel, padding, (batch, *size)), taps, strict=True):
        total = view * tap if total is None else total + view * tap
    return total


def _views(x, kernel, padding, shape):
    """Returns the part of x under each tap of a filter whose output has the `shape` (B, F', T', ...)."""
    x = padded(x, *padding)
    return [x[:, i : i + shape[1], j : j + shape[2]] for i in range(kernel[0]) for j in range(kernel[1])]
