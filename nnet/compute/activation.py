"""Sigmoid, tanh and softmax. MLX's own take 20 to 40 ns an element on a CPU without Apple's libraries; these take 5.

They are built on an exponential that is all additions and multiplications, which MLX does in vectors.
"""

import math
import sys

from nnet.compute import mx
from nnet.compute.lanes import on_cpu
from nnet.compute.operation import Operation

_FEW = 4000  # values, with which twenty operations are slower than one that is slow
_LIMIT = 87.0  # exp of it is finite in float32, exp of its opposite normal
_ROUND = 1.5 * 2**23  # adding it leaves a float32 no bits for fractions, and the rounded number in its lowest bits
# 2^r for |r| ≤ 1/2, relative error 7.5e-8; a minimax fit by iterated weighted least squares.
_POWERS = (0.0013276471, 0.0096755410, 0.0555071309, 0.2402212024, 0.6931469440, 1.0000001192)


def exp(x, scale=1.0):
    """e^(scale·x) of float32 values, without a gradient; scale·x beyond ±87 counts as ±87, NaN stays NaN.

    e^z = 2^n 2^r with the whole number n nearest to z log2(e); 2^r is a polynomial, to whose exponent bits n is added.
    """
    exponents = mx.clip(x, -_LIMIT / abs(scale), _LIMIT / abs(scale)) * (scale * math.log2(math.e))
    rounded = exponents + _ROUND
    rest = exponents - (rounded - _ROUND)
    power = rest * _POWERS[0] + _POWERS[1]
    for coefficient in _POWERS[2:]:
        power = power * rest + coefficient
    return (power.view(mx.int32) + mx.left_shift(rounded.view(mx.int32), 23)).view(mx.float32)


def sigmoid(x):
    """1 / (1 + e^-x)."""
    return _sigmoid(x) if _by_hand(x) else mx.sigmoid(x)


def tanh(x):
    """(1 - e^-2x) / (1 + e^-2x)."""
    return _tanh(x) if _by_hand(x) else mx.tanh(x)


def softmax(x, axis):
    """e^x / its sum over an axis."""
    return _softmax(x, axis=axis) if _by_hand(x) else mx.softmax(x, axis=axis)


_sigmoid = Operation(lambda x: 1 / (1 + exp(x, -1.0)), lambda _, dy, y: (dy * (y * (1 - y)),))
_tanh = Operation(lambda x: 2 / (1 + exp(x, -2.0)) - 1, lambda _, dy, y: (dy * (1 - y * y),))


def _softmax_forward(x, *, axis):
    powers = exp(x - mx.max(x, axis=axis, keepdims=True))
    return powers * (1 / mx.sum(powers, axis=axis, keepdims=True))


def _softmax_backward(_, dy, y, *, axis):
    weighted = dy * y
    return (weighted - y * mx.sum(weighted, axis=axis, keepdims=True),)


_softmax = Operation(_softmax_forward, _softmax_backward)


def _by_hand(x):
    return x.size >= _FEW and x.dtype == mx.float32 and sys.platform != "darwin" and on_cpu()
