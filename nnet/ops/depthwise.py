"""Depthwise convolutions, in which every channel has a filter of its own, tap by tap.

A tap multiplies the shifted map by a row of weights, which MLX vectorizes over the channels. As a matrix product a
depthwise filter would be a block-diagonal matrix, nearly all zeros. Since the taps read and write the same values
again and again, a map is computed in blocks of bins that fit into a core's caches, one block after the other.
"""

import functools

from nnet.ops.binding import mx
from nnet.ops.copies import concatenated, padded
from nnet.ops.gradients import WithGradient
from nnet.ops.normalization import column_sums

BLOCK = 2**17  # values of a block; a block has at least one bin


def _forward(x, weight, *, padding, dilation):
    return _filtered(x, _taps(weight), weight.shape[1:3], padding, dilation).astype(x.dtype)


def _backward(arrays, dy, _, *, padding, dilation):
    x, weight = arrays
    kernel = weight.shape[1:3]
    back = [(r - before, r - after) for r, (before, after) in zip(_reach(kernel, dilation), padding, strict=True)]
    dx = _filtered(dy, _taps(weight)[::-1], kernel, back, dilation)
    dtaps = mx.zeros_like(_taps(weight))
    for block, slopes in zip(_blocks(x, kernel, padding, dilation), _blocks(dy, (1, 1)), strict=True):
        block = mx.depends(block, dtaps)
        products = [view * slopes for view in _shifted(block, kernel, dilation)]
        dtaps = dtaps + mx.stack([column_sums(product.reshape(-1, len(weight))) for product in products])
    return dx, dtaps.T.reshape(weight.shape)


depthwise = WithGradient(_forward, _backward)
depthwise.__doc__ = """depthwise(x, weight, padding=, dilation=): a convolution of stride 1 with one filter per channel.

x (B, F, T, C), weight (C, KF, KT, 1). dilation is a pair (F, T), padding is (before, after) for bins and for frames, at
most the reach of the filter. The result is (B, F', T', C).
"""


def _filtered(x, taps, kernel, padding, dilation):
    """Computes the sum of the shifted maps, each times its row of `taps` (KF·KT, C)."""
    results = []
    for block in _blocks(x, kernel, padding, dilation):
        block = mx.depends(block, results[-1]) if results else block
        views = _shifted(block, kernel, dilation)
        results.append(functools.reduce(mx.add, (view * row for view, row in zip(views, taps, strict=True))))
    return concatenated(results, 0).reshape(len(x), -1, *results[0].shape[1:])


def _blocks(x, kernel, padding=((0, 0), (0, 0)), dilation=(1, 1)):
    """Yields the bins of the padded map that the bins of each block of the result depend on: (bins, T, C)."""
    x = padded(x, *padding)
    reach, more = _reach(kernel, dilation)
    bins, frames = x.shape[1] - reach, x.shape[2] - more  # of the result
    step = max(1, BLOCK // (frames * x.shape[3]))
    for utterance in range(len(x)):
        for first in range(0, bins, step):
            yield x[utterance, first : min(first + step, bins) + reach]


def _shifted(block, kernel, dilation):
    """Yields the views of a block that meet each tap: (bins - reach, T - reach, C)."""
    bins, frames = (size - reach for size, reach in zip(block.shape, _reach(kernel, dilation), strict=False))
    for f in range(kernel[0]):
        for t in range(kernel[1]):
            first, start = f * dilation[0], t * dilation[1]
            yield block[first : first + bins, start : start + frames]


def _reach(kernel, dilation):
    """Returns the bins and frames of the receptive field, minus 1 each."""
    return [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]


def _taps(weight):
    """Returns the weights as rows of channels in float32: (C, KF, KT, 1) → (KF·KT, C)."""
    return weight.reshape(len(weight), -1).T.astype(mx.float32)
