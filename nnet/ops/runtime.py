"""What a process needs before MLX is fast on a Linux CPU: a tuned BLAS, and a malloc that keeps its memory.

The wheel of MLX for Linux CPUs carries the reference BLAS, 50 to 100 times slower than a tuned one. Its functions are
bound when they are first called (`nnet.ops.binding`), so a library that is in the process's global scope by then takes
their place.
"""

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
from nnet.ops.binding import LOADED_BEFORE, mx

log = logging.getLogger(__name__)

REMEDY = "pip install mkl (x86-64), or install your system's OpenBLAS (apt install libopenblas0-pthread)"


@functools.cache
def prepare():
    """Loads a fast BLAS, sets its threads, and has malloc keep memory; once a process, before MLX multiplies.

    Building or loading a model calls it. SV_PREPARE=0 in the environment declines it. Nothing happens on macOS and
    with MLX for CUDA, which need none of it.
    """
    if not sys.platform.startswith("linux") or has_cuda():
        return
    if os.environ.get("SV_PREPARE") == "0":
        log.debug("SV_PREPARE=0: BLAS, threads and malloc stay as they are")
        return
    keep_memory()
    path = load_blas()
    if path is None:
        log.warning("no fast BLAS found: MLX will be 50 times slower than it could be. Remedy: %s", REMEDY)
    elif path and LOADED_BEFORE:
        log.warning("MLX was imported before nnet and may keep its slow BLAS; import nnet.ops first")
    use_one_thread()
    log.debug("BLAS: %s, one thread a product; malloc keeps freed memory", path or "as it was")


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


def use_one_thread():
    """Has the BLAS that MLX uses compute each product in one thread: lanes keep all cores busy (`nnet.ops.lanes`).

    NumPy's and SciPy's own libraries have other names for their functions and stay as they are. threadpoolctl can do
    this too, but its questions start MKL's OpenMP threads, whose waiting costs a fifth of the processor's time.
    """
    process = ctypes.CDLL(None)
    for name in ("MKL_Set_Num_Threads", "openblas_set_num_threads"):
        if hasattr(process, name):
            getattr(process, name)(1)


def warn_of_precision(precision):
    """Says in one line that a CPU gains nothing by fewer bits."""
    if precision != "float32" and mx.default_device().type == mx.cpu:
        log.warning("precision %s is meant for GPUs; on this CPU it is slower than float32", precision)
