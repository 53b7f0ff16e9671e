"""Computing without gradients, which costs less."""

import contextlib
import threading

from nnet.compute import mx

_local = threading.local()


@contextlib.contextmanager
def inference():
    """Within it nobody asks for gradients: operations are not set up for them, and are started as they come."""
    outer = inferring()
    _local.on = True
    try:
        yield
    finally:
        _local.on = outer


def inferring():
    """Whether this is inside of `inference`."""
    return getattr(_local, "on", False)


def started(*arrays):
    """Has MLX compute the arrays while Python goes on, if nobody asks for gradients."""
    if inferring():
        mx.async_eval(*arrays)
