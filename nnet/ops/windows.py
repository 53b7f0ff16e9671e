"""Sliding windows over the frequency and the time axis of a map."""

from nnet.ops.binding import mx
from nnet.ops.copies import padded


def windows(x, kernel, start, stride, dilation, count):
    """Returns a view of the window of each output of a convolution; every argument but x is a pair (F, T).

    Args:
        x: (B, F, T, C).
        kernel: values per window.
        start: position of the first window; values outside x are zero.
        stride: distance between windows.
        dilation: distance between the values of a window.
        count: number of windows.

    Returns:
        (B, count F, count T, kernel F, kernel T, C), to be copied by `nnet.ops.copies.copied` before use
    """
    axes = list(zip(x.shape[1:3], kernel, start, stride, dilation, count, strict=True))
    before = [max(0, -first) for _, _, first, _, _, _ in axes]
    after = [max(0, first + (c - 1) * s + (k - 1) * d + 1 - size) for size, k, first, s, d, c in axes]
    x = mx.contiguous(padded(x, *zip(before, after, strict=True)))  # strides of a view would be others
    batch, bins, frames, channels = x.shape
    bin, frame = frames * channels, channels
    origin = (start[0] + before[0]) * bin + (start[1] + before[1]) * frame
    strides = (bins * bin, stride[0] * bin, stride[1] * frame, dilation[0] * bin, dilation[1] * frame, 1)
    return mx.as_strided(x, (batch, *count, *kernel, channels), strides, origin)
