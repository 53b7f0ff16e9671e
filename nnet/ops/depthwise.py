"""Depthwise convolutions, in which every channel has a filter of its own, tap by tap.

A tap multiplies the shifted map by a row of weights, which MLX vectorizes over the channels. As a matrix product a
depthwise filter would be a block-diagonal matrix, nearly all zeros.
"""

import functools

from nnet.ops.binding import mx
from nnet.ops.copies import padded
from nnet.ops.gradients import WithGradient
from nnet.ops.normalization import column_sums


def _forward(x, weight, *, padding, dilation):
    return _filtered(x, _taps(weight), weight.shape[1:3], padding, dilation).astype(x.dtype)


def _backward(arrays, dy, _, *, padding, dilation):
    x, weight = arrays
    kernel = weight.shape[1:3]
    back = [(r - before, r - after) for r, (before, after) in zip(_reach(kernel, dilation), padding, strict=True)]
    dx = _filtered(dy, _taps(weight)[::-1], kernel, back, dilation)
    products = [view * dy for view in _shifted(x, kernel, padding, dilation)]
    dtaps = mx.stack([column_sums(product.reshape(-1, len(weight))) for product in products])
    return dx, dtaps.T.reshape(weight.shape)


depthwise = WithGradient(_forward, _backward)
depthwise.__doc__ = """depthwise(x, weight, padding=, dilation=): a convolution of stride 1 with one filter per channel.

x (B, F, T, C), weight (C, KF, KT, 1). dilation is a pair (F, T), padding is (before, after) for bins and for frames, at
most the reach of the filter. The result is (B, F', T', C).
"""


def _filtered(x, taps, kernel, padding, dilation):
    """Computes the sum of the shifted maps, each times its row of `taps` (KF·KT, C)."""
    views = _shifted(x, kernel, padding, dilation)
    return functools.reduce(mx.add, [view * row for view, row in zip(views, taps, strict=True)])


def _shifted(x, kernel, padding, dilation):
    """Returns the views of the padded map that meet each tap: a list of (B, F', T', C)."""
    x = padded(x, *padding)
    bins, frames = (size - reach for size, reach in zip(x.shape[1:3], _reach(kernel, dilation), strict=True))
    first = [(f * dilation[0], t * dilation[1]) for f in range(kernel[0]) for t in range(kernel[1])]
    return [x[:, f : f + bins, t : t + frames] for f, t in first]


def _reach(kernel, dilation):
    """Returns the bins and frames of the receptive field, minus 1 each."""
    return [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]


def _taps(weight):
    """Returns the weights as rows of channels in float32: (C, KF, KT, 1) → (KF·KT, C)."""
    return weight.reshape(len(weight), -1).T.astype(mx.float32)
