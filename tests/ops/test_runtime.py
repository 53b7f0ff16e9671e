"""Importing changes nothing in the process; preparing it gives MLX a fast BLAS, unless that is declined."""

import ctypes
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

from nnet.ops import runtime
from nnet.ops.lanes import on_cpu
from nnet.ops.runtime import has_cuda, mkl_libraries, openblas_libraries, prepare

linux_cpu = pytest.mark.skipif(
    not sys.platform.startswith("linux") or has_cuda() or not on_cpu(), reason="only MLX on a Linux CPU is prepared"
)
needs_mkl = pytest.mark.skipif(not mkl_libraries(), reason="MKL is not installed")
needs_blas = pytest.mark.skipif(not mkl_libraries() + openblas_libraries(), reason="no fast BLAS is installed")

STATE = """
import os, sys
import numpy, scipy.linalg, scipy.special, mlx.core
from threadpoolctl import threadpool_info

def state():
    with open("/proc/self/maps") as maps:
        libraries = {line.split()[-1] for line in maps if "mkl" in line or "blas" in line or "iomp" in line}
    threads = {(pool["filepath"], pool["num_threads"]) for pool in threadpool_info()}
    return libraries, threads, dict(os.environ)
"""


def run(code, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MKL_", "LD_PRELOAD", "SV_PREPARE"))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


@linux_cpu
def test_importing_leaves_libraries_threads_and_environment_alone():
    modules = "nnet, nnet.networks, nnet.poolings, nnet.losses, nnet.model.speaker_net, nnet.training.trainer"
    compare = "for old, new in zip(before, state()):\n  assert old == new, set(new) ^ set(old)"
    run(f"{STATE}\nbefore = state()\nimport {modules}\n{compare}")


PREPARE = """
import logging
logging.basicConfig(level=logging.DEBUG)
from nnet.ops.runtime import prepare
prepare()
print(state()[0])
"""


@linux_cpu
@needs_blas
def test_preparing_loads_a_blas_and_can_be_declined():
    code = STATE.replace(", mlx.core", "") + PREPARE
    done = run(code)
    assert "mkl" in done.stdout or "libopenblas" in done.stdout
    assert "DEBUG:nnet.ops.runtime:BLAS: " in done.stderr
    declined = run(code, SV_PREPARE="0")
    assert "mkl" not in declined.stdout and "libopenblas" not in declined.stdout
    assert "SV_PREPARE=0" in declined.stderr


@linux_cpu
@needs_mkl
def test_the_blas_that_is_loaded_after_mlx_is_the_one_that_multiplies():
    product = "mx.eval(mx.ones((64, 64)) @ mx.ones((64, 64)))"
    code = f"from nnet.ops import mx, runtime\nruntime.openblas_libraries = list\nruntime.prepare()\n{product}"
    assert "SGEMM" in run(code, MKL_VERBOSE="1").stdout


@pytest.mark.parametrize("amd, first", [(False, "mkl"), (True, "openblas")])
def test_openblas_comes_first_on_processors_of_amd(monkeypatch, amd, first):
    monkeypatch.setattr(runtime, "is_amd", lambda: amd)
    monkeypatch.setattr(runtime, "mkl_libraries", lambda: ["mkl"])
    monkeypatch.setattr(runtime, "openblas_libraries", lambda: ["openblas"])
    libraries = runtime.blas_libraries()
    assert libraries[0] == first and sorted(libraries) == ["mkl", "openblas"]


@linux_cpu
@needs_blas
def test_mlx_that_was_imported_before_is_reported():
    code = "import mlx.core\nimport nnet.ops\nfrom nnet.ops.runtime import prepare\nprepare()"
    assert "MLX was imported before nnet" in run(code).stderr


@linux_cpu
@needs_blas
@pytest.mark.parametrize("shape", [(3200, 32, 384), (7, 4096, 7), (49, 33, 32), (1, 512, 321), (33, 17, 65)])
@pytest.mark.parametrize("transposed", [(111, 111), (112, 111), (111, 112)])
def test_a_product_does_not_depend_on_how_its_arrays_are_aligned(shape, transposed):
    prepare()
    process = ctypes.CDLL(None)
    rows, columns, inner = shape
    rng = np.random.default_rng(0)
    one, other = (rng.standard_normal(size, np.float32) for size in (rows * inner, inner * columns))
    one_width = inner if transposed[0] == 111 else rows
    other_width = columns if transposed[1] == 111 else inner

    def product(offsets):
        a, b, c = (aligned(x, k) for x, k in zip((one, other, np.zeros(rows * columns)), offsets, strict=True))
        sizes = (101, *transposed, rows, columns, inner, ctypes.c_float(1))
        arrays = (pointer(a), one_width, pointer(b), other_width, ctypes.c_float(0), pointer(c), columns)
        process.cblas_sgemm(*sizes, *arrays)
        return c

    first = product((0, 0, 0))
    assert np.abs(first).max() > 1
    for offsets in itertools.product((0, 4, 8, 24, 56), (8, 40), (8, 60)):
        np.testing.assert_array_equal(product(offsets), first, str(offsets))


def aligned(x, offset):
    """Copies x to an address `offset` bytes behind a multiple of 64."""
    room = np.empty(4 * len(x) + 128, np.uint8)
    start = -room.ctypes.data % 64 + offset
    copy = room[start : start + 4 * len(x)].view(np.float32)
    copy[:] = x
    return copy


def pointer(x):
    return ctypes.c_void_p(x.ctypes.data)
