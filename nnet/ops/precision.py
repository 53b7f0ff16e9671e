"""Numbers of 16 bits, and the sums that need more of them."""

import logging

from nnet.ops import mx
from nnet.ops.lanes import FRAMES, each, on_cpu

log = logging.getLogger(__name__)


def cast(x, dtype):
    """x (B, ...) as `dtype`; x itself, with its shards, where it is that already."""
    return x if x.dtype == dtype else each(lambda x: x.astype(dtype), x, along=FRAMES)


def mean(x, axis, keepdims=False):
    """The mean over axes, summed in float32, as x's dtype."""
    return mx.mean(x.astype(mx.float32), axis=axis, keepdims=keepdims).astype(x.dtype)


def warn_of_precision(precision):
    """Says in one line that a CPU gains nothing by fewer bits."""
    if precision != "float32" and on_cpu():
        log.warning("precision %s is meant for GPUs; on this CPU it is slower than float32", precision)
