"""Graphs that are kept and replayed: setting up a network's operations takes a core that could compute.

mx.compile keeps the graph of a function for inputs of one shape. It would also fuse operations, which on a CPU starts a
C++ compiler for every kernel, a second or more each, and so it is told not to. MLX has this setting in its C++ library
alone; where that lacks it, and where MLX finds no C++ compiler (it keeps no graphs then), functions are simply called.
"""

import contextlib
import ctypes
import functools
import glob
import os
import threading
import weakref
from collections import OrderedDict

from nnet.ops import mx, nn
from nnet.ops.blas import threaded
from nnet.ops.convolution import BLOCK_ROWS
from nnet.ops.inference import recording
from nnet.ops.lanes import SHARD_FRAMES, num_lanes, on_cpu
from nnet.ops.memo import Memo

GRAPHS = 16  # that are kept; of a ResNet34 about a megabyte each

_SET_MODE = "_ZN3mlx4core16set_compile_modeENS0_11CompileModeE"  # set_compile_mode(CompileMode)
_WITHOUT_FUSING, _ENABLED = 2, 3


class Replay(threading.local):
    """The graphs of a method of a module, for inputs of shapes that come twice in a row; each thread has its own.

    So a list of utterances of all lengths keeps few: to record a graph costs more than to set up its operations. Once
    an array of the module is another one, all are forgotten.
    """

    def __init__(self):
        self._known, self._last = Memo(), None

    def __reduce__(self):
        return Replay, ()  # a copied module begins anew

    def __call__(self, method, x, *options):
        """method(x, *options), an array, within `nnet.ops.inference.inference`.

        x is (B, T, ...), options are hashable, and the module is all else that the method depends on. While a part of
        it is being trained, nothing is kept.
        """
        if not on_cpu() or not _keeps_graphs() or _ordered(x):
            return method(x, *options)
        arrays = _arrays_of(method.__self__)
        if arrays is None:
            return method(x, *options)
        graphs = self._known.get(arrays, self._forget)
        last, self._last = self._last, (x.shape, x.dtype, options, threaded())
        if self._last not in graphs:
            if self._last != last:
                return method(x, *options)
            graphs[self._last] = _graph(method, options)
        graphs.move_to_end(self._last)
        if len(graphs) > GRAPHS:
            graphs.popitem(last=False)
        with _without_fusing():
            return graphs[self._last](x)

    def _forget(self):
        self._last = None  # what follows from new arrays is made ready by a call, not while a graph is recorded
        return OrderedDict()


def _graph(method, options):
    weak = weakref.WeakMethod(method)  # the thread that has the graph must not keep the module

    @mx.compile
    def function(x):
        with recording():
            return weak()(x, *options)

    return function


def _arrays_of(module):
    """All arrays of a module and its parts, or None if one of them is being trained."""
    arrays, parts = [], [module]
    for part in parts:  # which grow meanwhile
        if isinstance(part, nn.Module) and part.training:
            return None
        for value in part.values() if isinstance(part, dict) else part:
            if type(value) is mx.array:
                arrays.append(value)
            elif isinstance(value, (dict, list, tuple)) and not _is_pair(value):
                parts.append(value)
    return arrays


def _is_pair(value):
    """Whether a value is numbers, as strides and paddings are: they are many, and this is asked with every call."""
    return type(value) is tuple and len(value) > 0 and type(value[0]) is int


def _ordered(x):
    """Whether x is so long that its parts go through the caches in the order of the calls, which graphs do not keep.

    With more than one shard a lane ResNet34 would be a tenth slower, and with blocks of frames ECAPA-512 a sixth.
    """
    return x.shape[0] * x.shape[1] > (BLOCK_ROWS if threaded() else num_lanes() * SHARD_FRAMES)


@functools.cache
def _library():
    """MLX's C++ library, where it can be told not to fuse; otherwise None."""
    for path in glob.glob(os.path.join(os.path.dirname(mx.__file__), "lib", "libmlx.*")):
        with contextlib.suppress(OSError):
            library = ctypes.CDLL(path)
            if hasattr(library, _SET_MODE):
                return library
    return None


@functools.cache
def _keeps_graphs():
    """Whether MLX keeps graphs, as one sees, and can be told not to fuse."""
    calls = []
    function = mx.compile(lambda x: calls.append(x.shape) or -x)
    for _ in range(3):  # the first graph of a process is set up twice
        function(mx.array(0.0))
    return len(calls) < 3 and _library() is not None


@contextlib.contextmanager
def _without_fusing():
    set_mode = getattr(_library(), _SET_MODE)
    set_mode(_WITHOUT_FUSING)
    try:
        yield
    finally:
        set_mode(_ENABLED)
