"""Convolutions of any kernel, stride and dilation as one matrix product of copied windows (im2col) and filter."""

from nnet.ops.binding import mx
from nnet.ops.copies import copied
from nnet.ops.gradients import WithGradient
from nnet.ops.windows import windows

pointwise = WithGradient(
    lambda x, weight: x @ weight.T,
    lambda arrays, dy, _: (dy @ arrays[1], _rows(dy).T @ _rows(arrays[0])),
)
pointwise.__doc__ = "pointwise(x, weight): x (..., C), weight (O, C) → (..., O)."


def backward_filters(weight, stride, padding, dilation):
    """Returns the filters of the input's gradient, one per phase: weight (O, KF, KT, C) → [(taps·O, C), ...]."""
    return [
        mx.stack([weight[:, f, t] for f in bins.taps for t in frames.taps]).reshape(-1, weight.shape[3])
        for bins, frames in _phases(weight.shape, stride, padding, dilation)
    ]


def _forward(x, weight, *backward, stride, padding, dilation):
    columns = _columns(x, weight.shape[1:3], stride, padding, dilation)  # (B, F', T', KF·KT·C)
    return columns @ weight.reshape(len(weight), -1).T


def _backward(arrays, dy, _, *, stride, padding, dilation):
    x, weight, *backward = arrays
    columns = _columns(x, weight.shape[1:3], stride, padding, dilation)
    dweight = (_rows(dy).T @ _rows(columns)).reshape(weight.shape)
    phases = _phases(weight.shape, stride, padding, dilation)
    parts = [_back(dy, x.shape, stride, phase, filter) for phase, filter in zip(phases, backward, strict=True)]
    dx = parts[0]
    if stride != (1, 1):
        dx = mx.zeros_like(x)
        for (bins, frames), part in zip(phases, parts, strict=True):
            dx[:, bins.phase :: stride[0], frames.phase :: stride[1]] = part
    return dx, dweight, *map(mx.zeros_like, backward)


multiplied = WithGradient(_forward, _backward)
multiplied.__doc__ = """multiplied(x, weight, *backward, stride=, padding=, dilation=) computes a convolution.

x (B, F, T, C), weight (O, KF, KT, C), backward: `backward_filters` of the weight, made once for all shards. stride and
dilation are pairs (F, T), padding is (before, after) for bins and for frames. The result is (B, F', T', O).
"""


def _columns(x, kernel, stride, padding, dilation):
    """Copies the window of each output: (B, F', T', KF·KT·C)."""
    axes = zip(x.shape[1:3], kernel, stride, padding, dilation, strict=True)
    count = [(size + sum(p) - d * (k - 1) - 1) // s + 1 for size, k, s, p, d in axes]
    view = windows(x, kernel, [-before for before, _ in padding], stride, dilation, count)
    return copied(view).reshape(*view.shape[:3], -1)


def _rows(x):
    return x.reshape(-1, x.shape[-1])


class _Phase:
    """The inputs i = phase, phase + stride, ... of one axis, and the taps that connect them to outputs.

    Tap k connects input i to output (i + padding - dilation·k) / stride if that is an integer. For the m-th input of
    the phase these are the outputs m + first, m + first + step, ...; the taps are in this order.
    """

    def __init__(self, phase, kernel, stride, padding, dilation):
        self.phase = phase
        reached = [phase + padding[0] - dilation * k for k in reversed(range(kernel))]
        self.taps = [k for k, i in zip(reversed(range(kernel)), reached, strict=True) if i % stride == 0]
        outputs = [i // stride for i in reached if i % stride == 0]
        self.first = outputs[0] if outputs else 0
        self.step = outputs[1] - outputs[0] if len(outputs) > 1 else 1


def _phases(shape, stride, padding, dilation):
    """Returns the pairs (F, T) of phases that have taps, for a weight of shape (O, KF, KT, C)."""
    axes = zip(shape[1:3], stride, padding, dilation, strict=True)
    bins, frames = ([_Phase(i, k, s, p, d) for i in range(s)] for k, s, p, d in axes)
    return [(f, t) for f in bins for t in frames if f.taps and t.taps]


def _back(dy, shape, stride, phase, filter):
    """Computes the gradient of the inputs of one phase; `shape` is that of the whole input."""
    count = [-(-(size - axis.phase) // s) for size, axis, s in zip(shape[1:3], phase, stride, strict=True)]
    if 0 in count:
        return mx.zeros((shape[0], *count, shape[3]))
    kernel = [len(axis.taps) for axis in phase]
    view = windows(dy, kernel, [axis.first for axis in phase], (1, 1), [axis.step for axis in phase], count)
    return copied(view).reshape(*view.shape[:3], -1) @ filter
