"""Prepares a process for MLX on a Linux CPU: a tuned BLAS, and a malloc that keeps freed memory.

MLX's wheel for Linux CPUs contains the reference BLAS, which is 50 to 100 times slower than a tuned one. Its functions
are bound when they are first called (`nnet.ops.binding`), so a library loaded into the global scope before that
replaces them.
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

from nnet.cores import cores
from nnet.malloc import keep_memory
from nnet.ops.binding import LOADED_BEFORE, mx

log = logging.getLogger(__name__)

REMEDY = "pip install mkl (x86-64), or install your system's OpenBLAS (apt install libopenblas0-pthread)"


@functools.cache
def prepare():
    """Loads a fast BLAS, limits its threads, and makes malloc keep freed memory; once per process.

    Must run before MLX's first matrix product; building or loading a model calls it. SV_PREPARE=0 in the environment
    disables it. Does nothing on macOS and with MLX for CUDA, which do not need it.
    """
    if not sys.platform.startswith("linux") or has_cuda():
        return
    if os.environ.get("SV_PREPARE") == "0":
        log.debug("SV_PREPARE=0: BLAS, threads and malloc are not changed")
        return
    keep_memory()
    path = load_blas()
    if path is None:
        log.warning("no fast BLAS found: MLX will be about 50 times slower. To fix it: %s", REMEDY)
    elif path and LOADED_BEFORE:
        log.warning("MLX was imported before nnet and may keep its slow BLAS; import nnet.ops first")
    use_one_thread()
    log.debug("BLAS: %s, one thread per product; malloc keeps freed memory", path or "already loaded")


def has_cuda():
    """Returns whether the installed MLX is a CUDA build."""
    for name in ("mlx-cuda", "mlx-cuda-12", "mlx-cuda-13"):
        try:
            importlib.metadata.distribution(name)
            return True
        except importlib.metadata.PackageNotFoundError:
            continue
    return False


def load_blas():
    """Loads the fastest available BLAS into the global scope.

    Returns:
        path of the library, "" if one was already loaded (LD_PRELOAD), None if there is none
    """
    if hasattr(ctypes.CDLL(None), "cblas_sgemm"):
        return ""
    for path in blas_libraries():
        if "mkl" in os.path.basename(path):
            set_mkl_environment(os.path.dirname(path))
        try:
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
            return path
        except OSError:
            continue
    return None


def blas_libraries():
    """Returns the paths or names of the BLAS libraries here, in order of preference.

    On AMD's processors OpenBLAS comes first. On two cores of an EPYC (Zen 3), a training step took so many times as
    long with MKL 2026.2 as with OpenBLAS 0.3.21: x-vector 1.31, ECAPA-512 1.26, ReDimNet2 B2 1.05, CAM++ 0.96 and
    1.02, ResNet34 0.96 twice, DF-ResNet60 0.94.
    """
    mkl, openblas = mkl_libraries(), openblas_libraries()
    return openblas + mkl if is_amd() else mkl + openblas


def is_amd():
    """Returns whether AMD made the processor, as far as Linux tells."""
    try:
        with open("/proc/cpuinfo") as file:
            return "AuthenticAMD" in file.read()
    except OSError:
        return False


def library_folders():
    """Returns the folders where pip and conda install shared libraries for this Python, in order of preference."""
    prefixes = (sys.prefix, sys.base_prefix, site.getuserbase())
    return list(dict.fromkeys(os.path.join(p, "lib") for p in prefixes if p))


def mkl_libraries():
    """Returns the paths of MKL's single dynamic library, newest first within each folder."""
    folders = [*library_folders(), "/usr/lib/x86_64-linux-gnu", "/usr/lib64"]
    return [p for folder in folders for p in sorted(glob.glob(f"{folder}/libmkl_rt.so*"), reverse=True)]


def openblas_libraries():
    """Returns the paths or names of the system's threaded OpenBLAS."""
    names = ("libopenblas.so.0", "libopenblasp.so.0")
    folders = [*library_folders(), *glob.glob("/usr/lib/*-linux-gnu"), "/usr/lib64"]
    paths = [os.path.join(folder, name) for folder in folders for name in names]
    found = ctypes.util.find_library("openblas")
    return [p for p in paths if os.path.exists(p)] + ([found] if found else [])


def set_mkl_environment(folder):
    """Makes MKL bitwise reproducible for a given number of threads, and selects an installed threading library.

    MKL_CBWR=AUTO makes a product with one thread give the same bits in every run, which an exact resume needs. Intel
    promises this for equally aligned arrays only, or with STRICT, which makes training up to a tenth slower; no
    product was ever seen to depend on the alignment (tests/ops/test_runtime.py, with MKL by `tests/run.sh --rounding`).
    Variables that the user has set are kept.
    """
    os.environ.setdefault("MKL_CBWR", "AUTO")
    if os.path.exists(os.path.join(folder, "libiomp5.so")):
        os.environ.setdefault("MKL_THREADING_LAYER", "INTEL")
    elif ctypes.util.find_library("gomp"):
        os.environ.setdefault("MKL_THREADING_LAYER", "GNU")
    else:
        os.environ.setdefault("MKL_THREADING_LAYER", "SEQUENTIAL")


@functools.cache
def num_threads():
    """Returns the number of threads that this process may use: MKL_NUM_THREADS, OMP_NUM_THREADS, or its cores."""
    for name in ("MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdecimal() and int(value) > 0:
            return int(value)
    return cores()


def use_one_thread():
    """Limits MLX's BLAS to one thread per product, as lanes already use all cores (`nnet.ops.lanes`).

    The BLAS libraries of NumPy and SciPy are not affected. threadpoolctl could do this, but its queries start MKL's
    OpenMP threads, whose busy waiting costs a fifth of the processor time.
    """
    process = ctypes.CDLL(None)
    for name in ("MKL_Set_Num_Threads", "openblas_set_num_threads"):
        if hasattr(process, name):
            getattr(process, name)(1)


def warn_of_precision(precision):
    """Warns that lower precision does not make a CPU faster."""
    if precision != "float32" and mx.default_device().type == mx.cpu:
        log.warning("precision %s is meant for GPUs; on this CPU it is slower than float32", precision)
