"""Functions of arrays that bring their own gradient, and computing without gradients."""

import contextlib
import functools
import threading

from nnet.ops.binding import mx
from nnet.ops.lanes import current_lane, lane

_local = threading.local()


class WithGradient:
    """A function with a gradient of its own; both run in the lane in which it is called.

    Args:
        forward: forward(*arrays, **options) → one array or a tuple.
        backward: backward(arrays, cotangents, outputs, **options) → a gradient for each array, in a tuple; each is
            given the dtype of its array.

    A call takes arrays by position and hashable options by name. The gradient of the first array waits for the others:
    whoever asks for it has the gradients of the weights computed on the way, while what they need is still there.
    """

    def __init__(self, forward, backward):
        self.forward, self.backward = forward, backward
        self._of_lane = functools.cache(self._build)

    def __call__(self, *arrays, **options):
        if in_inference():
            return self.forward(*arrays, **options)
        return self._of_lane(current_lane(), **options)(*arrays)

    def _build(self, number, **options):

        @mx.custom_function
        def function(*arrays):
            return self.forward(*arrays, **options)

        @function.vjp
        def gradients(arrays, cotangents, outputs):
            with lane(number):
                arrays = _tuple(arrays)
                grads = self.backward(arrays, cotangents, outputs, **options)
                first, *others = [g.astype(a.dtype) for g, a in zip(grads, arrays, strict=True)]
                return (mx.depends(first, others) if others else first, *others)

        return function


def _tuple(arrays):
    return arrays if isinstance(arrays, (tuple, list)) else (arrays,)


@contextlib.contextmanager
def inference():
    """Within it nobody asks for gradients: what they need is not set up."""
    outer = in_inference()
    _local.in_inference = True
    try:
        yield
    finally:
        _local.in_inference = outer


def in_inference():
    """Whether this is inside of `inference`."""
    return getattr(_local, "in_inference", False)
