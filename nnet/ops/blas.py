"""What a process needs before it loads MLX on a Linux CPU: a fast BLAS, and a malloc that keeps its memory.

The wheel of MLX for Linux CPUs carries the reference BLAS, 50 to 100 times slower than a tuned one. Its symbols are
looked up when they are first used, so a library that is already in the process's global scope takes their place.
"""

import contextlib
import ctypes
import ctypes.util
import functools
import glob
import importlib.metadata
import logging
import os
import site
import sys

from nnet.malloc import keep_memory

log = logging.getLogger(__name__)

REMEDY = "pip install mkl (x86-64), or install your system's OpenBLAS (apt install libopenblas0-pthread)"


def prepare():
    """Loads the BLAS and sets malloc; call once, before the first import of mlx.core. Nothing on macOS and on CUDA."""
    if not sys.platform.startswith("linux") or has_cuda():
        return
    keep_memory()
    if load_blas() is None:
        log.warning("no fast BLAS found: MLX will be 50 times slower than it could be. Remedy: %s", REMEDY)
    use_threads(1)  # nnet.ops.lanes keeps all cores busy


def has_cuda():
    """Whether the installed MLX is one of the CUDA builds."""
    for name in ("mlx-cuda", "mlx-cuda-12", "mlx-cuda-13"):
        try:
            importlib.metadata.distribution(name)
            return True
        except importlib.metadata.PackageNotFoundError:
            continue
    return False


def load_blas():
    """Puts the best BLAS there is into the global scope.

    Returns:
        The path of the library, "" where one was there before (LD_PRELOAD), None where there is none.
    """
    if hasattr(ctypes.CDLL(None), "cblas_sgemm"):
        return ""
    for path in mkl_libraries() + openblas_libraries():
        if "mkl" in os.path.basename(path):
            set_mkl_environment(os.path.dirname(path))
        try:
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
            return path
        except OSError:
            continue
    return None


def library_folders():
    """Where pip and conda put shared libraries of this Python, nearest first."""
    prefixes = (sys.prefix, sys.base_prefix, site.getuserbase())
    return list(dict.fromkeys(os.path.join(p, "lib") for p in prefixes if p))


def mkl_libraries():
    """Paths of MKL's single dynamic library, newest first in each folder."""
    folders = [*library_folders(), "/usr/lib/x86_64-linux-gnu", "/usr/lib64"]
    return [p for folder in folders for p in sorted(glob.glob(f"{folder}/libmkl_rt.so*"), reverse=True)]


def openblas_libraries():
    """Paths or names of the threaded OpenBLAS of the system."""
    names = ("libopenblas.so.0", "libopenblasp.so.0")
    folders = [*library_folders(), *glob.glob("/usr/lib/*-linux-gnu"), "/usr/lib64"]
    paths = [os.path.join(folder, name) for folder in folders for name in names]
    found = ctypes.util.find_library("openblas")
    return [p for p in paths if os.path.exists(p)] + ([found] if found else [])


def set_mkl_environment(folder):
    """Makes MKL give the same bits in every run with the same threads, and thread with what is installed.

    Without MKL_CBWR the last bits depend on where malloc puts an array, and a resumed training would drift away from an
    uninterrupted one. Whatever the user has set stands.
    """
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
    if os.path.exists(os.path.join(folder, "libiomp5.so")):
        os.environ.setdefault("MKL_THREADING_LAYER", "INTEL")
    elif ctypes.util.find_library("gomp"):
        os.environ.setdefault("MKL_THREADING_LAYER", "GNU")
    else:
        os.environ.setdefault("MKL_THREADING_LAYER", "SEQUENTIAL")


@functools.cache
def num_threads():
    """The threads that this process may use: MKL_NUM_THREADS, OMP_NUM_THREADS, or its cores."""
    for name in ("MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) > 0:
            return int(value)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


_threads = 1


def threaded():
    """Whether products are computed in several threads."""
    return _threads > 1


def use_threads(count):
    """Has the BLAS compute each product in so many threads, from now on."""
    global _threads
    _threads = count
    process = ctypes.CDLL(None)
    for name in ("MKL_Set_Num_Threads", "openblas_set_num_threads"):
        if hasattr(process, name):
            getattr(process, name)(count)


@contextlib.contextmanager
def products_in_threads():
    """Within it a product is computed by all threads rather than one, as `nnet.ops.lanes` wants it otherwise."""
    use_threads(num_threads())
    try:
        yield
    finally:
        use_threads(1)
