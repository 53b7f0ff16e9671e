"""Functions with a hand-written gradient, and a context for inference without gradients."""

import contextlib
import functools
import threading

from nnet.ops.binding import mx
from nnet.ops.lanes import current_lane, lane

_local = threading.local()


class WithGradient:
    """A function with a hand-written gradient; both run in the lane in which the function is called.

    Args:
        forward: forward(*arrays, **options) → one array or a tuple.
        backward: backward(arrays, cotangents, outputs, **options) → a tuple with the gradient of each array; each is
            converted to the dtype of its array.

    A call takes arrays by position and hashable options by name. The gradient of the first array depends on the others,
    so that evaluating it computes the gradients of the weights on the way and their inputs are freed early.
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
    """Context in which no gradients are computed, so that nothing is prepared for them."""
    outer = in_inference()
    _local.in_inference = True
    try:
        yield
    finally:
        _local.in_inference = outer


def in_inference():
    """Returns whether the `inference` context is active."""
    return getattr(_local, "in_inference", False)
