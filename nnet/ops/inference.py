"""Computing without gradients, which costs less."""

import contextlib
import threading

from nnet.ops import mx

_local = threading.local()


@contextlib.contextmanager
def inference():
    """Within it nobody asks for gradients: operations are not set up for them, and are started as they come."""
    with _flag("on"):
        yield


@contextlib.contextmanager
def recording():
    """Within it a graph is set up that is kept (see `nnet.ops.replay`): nothing of it may be started."""
    with _flag("recording"):
        yield


def inferring():
    """Whether this is inside of `inference`."""
    return getattr(_local, "on", False)


def started(*arrays):
    """Has MLX compute the arrays while Python goes on, if nobody asks for gradients."""
    if inferring() and not getattr(_local, "recording", False):
        mx.async_eval(*arrays)


@contextlib.contextmanager
def _flag(name):
    outer = getattr(_local, name, False)
    setattr(_local, name, True)
    try:
        yield
    finally:
        setattr(_local, name, outer)
