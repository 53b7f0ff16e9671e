"""Products with large constant matrices by Strassen's algorithm: seven products of quarters instead of eight.

Winograd's variant (Higham 2002, "Accuracy and stability of numerical algorithms", section 23.1), applied once. What the
matrix contributes is made ready beforehand. The error is two to three times that of a plain product.
"""

import sys

from nnet.ops import mx
from nnet.ops.blas import threaded
from nnet.ops.copies import concatenated, copied
from nnet.ops.inference import inferring
from nnet.ops.lanes import on_cpu

# It takes a tenth less time with 1000 rows of 1536 × 1536 values, a twentieth with 400 rows or with 1024 × 1024 values,
# and more with less (MKL, one thread, Zen 3).
LEAST_WIDTH, LEAST_ROWS = 1024, 400
LEAST_FRAMES = 50  # of an utterance: where they are an odd number, one is computed twice


def suits(weight):
    """Whether products with a constant weight (O, C) are computed so where there are enough rows."""
    even = all(size % 2 == 0 for size in weight.shape)
    return min(weight.shape) >= LEAST_WIDTH and even and inferring() and on_cpu() and sys.platform != "darwin"


def enough(x):
    """Whether x (..., T, C) has enough rows: never for a BLAS in threads, beside which the additions wait in one."""
    return x.size // x.shape[-1] >= LEAST_ROWS and x.shape[-2] >= LEAST_FRAMES and not threaded()


def factors(weight):
    """The seven matrices (C/2, O/2) that rows are multiplied with, of a weight (O, C); O and C are even."""
    left, right = mx.split(weight.T, 2, axis=1)
    (b11, b21), (b12, b22) = mx.split(left, 2), mx.split(right, 2)
    t1, t3 = b12 - b11, b22 - b12
    t2 = b22 - t1
    return [copied(b) for b in (b11, b21, b22, b21 - t2, t1, t2, t3)]


def multiplied(x, factors):
    """x (..., T, C) times the weight (O, C) of `factors`: (..., T, O). No utterance's rows are added to another's."""
    b11, b21, b22, t4, t1, t2, t3 = factors
    *batch, frames, channels = x.shape
    half = -(-frames // 2)  # where their number is odd, the middle one is in both halves
    upper, lower = x[..., :half, :], x[..., frames - half :, :]
    (a11, a12), (a21, a22) = ([_rows(y) for y in mx.split(part, 2, axis=-1)] for part in (upper, lower))
    s1, s3 = a21 + a22, a11 - a21
    s2 = s1 - a11
    p1, p5 = a11 @ b11, s1 @ t1
    u2 = mx.addmm(p1, s2, t2)
    u3 = mx.addmm(u2, s3, t3)
    upper = concatenated([mx.addmm(p1, a12, b21), mx.addmm(u2 + p5, a12 - s2, b22)], 1)
    lower = concatenated([mx.addmm(u3, a22, t4), u3 + p5], 1)
    upper, lower = (y.reshape(*batch, half, -1) for y in (upper, lower))
    return concatenated([upper, lower[..., 2 * half - frames :, :]], -2)


def _rows(x):
    return copied(x).reshape(-1, x.shape[-1])
