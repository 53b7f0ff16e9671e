"""Runs the numerical tests under one rounding after the other: other kernels, another BLAS, other threads, other toys.

A test that passes here and fails on another processor holds what rounding decides. So each setting below changes the
last bits of all that is computed, and the tests must pass in every one of them. Which tests are numerical is decided
in conftest.py. Words after the command go to pytest.
"""

import argparse
import glob
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from nnet.ops.runtime import has_cuda, mkl_libraries, openblas_libraries

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Setting:
    """What is set in the environment, and why the tests cannot run with it here ("" where they can)."""

    environment: dict = field(default_factory=dict)
    left_out: str = ""


def settings():
    """{name: Setting} in the order in which they run."""
    reference = sorted(glob.glob("/usr/lib/*/blas/libblas.so.3"))
    found = {
        # The kernels of MKL for the network, those of NumPy's and SciPy's OpenBLAS for the rest.
        "MKL, any processor": with_mkl("COMPATIBLE", "Nehalem"),
        "MKL, AVX2": with_mkl("AVX2", "Haswell", "avx2"),
        "MKL, AVX-512": with_mkl("AVX512", "SkylakeX", "avx512f"),
        "OpenBLAS": preloaded(openblas_libraries(), "no OpenBLAS: apt install libopenblas0-pthread"),
        "reference BLAS": preloaded(reference, "no reference BLAS: apt install libblas3"),
    }
    found |= {f"threads: {count}": Setting({"MKL_NUM_THREADS": str(count)}) for count in (1, 2, 3)}
    return found | {f"toys of seed {seed}": Setting({"SV_TEST_SEED": str(seed)}) for seed in (1, 2)}


def with_mkl(branch, core, flag=None):
    """MKL as it is on an older processor; `flag` is what Linux calls the instructions that this one must have."""
    setting = preloaded(mkl_libraries(), "no MKL: pip install mkl")
    if flag and not setting.left_out and flag not in Path("/proc/cpuinfo").read_text().split():
        setting.left_out = f"{platform.processor() or platform.machine()} has no {flag}"
    setting.environment |= {"MKL_CBWR": branch, "MKL_THREADING_LAYER": "SEQUENTIAL", "OPENBLAS_CORETYPE": core}
    return setting


def preloaded(paths, otherwise):
    """The first of the libraries as the BLAS that is there before MLX."""
    paths = [path for path in paths if os.path.isabs(path)]
    if not sys.platform.startswith("linux") or has_cuda():
        return Setting({}, "MLX has a BLAS of its own here")
    return Setting({"LD_PRELOAD": paths[0]}) if paths else Setting({}, otherwise)


def run(setting, words):
    """Runs the numerical tests; returns (exit status, {"tests", "failures", "errors", "skipped": how many})."""
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-m", "numerical", f"--junitxml={report}", *words]
        status = subprocess.run(command, cwd=ROOT, env=os.environ | setting.environment).returncode
        if not os.path.exists(report):
            return status, {}
        suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    return status, {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}


def main(argv=None):
    known = settings()
    parser = argparse.ArgumentParser(
        prog="tests/run.sh --rounding", description=__doc__.split("\n")[0], allow_abbrev=False
    )
    parser.add_argument("--only", metavar="REGEX", default="", help=f"settings by their names: {'; '.join(known)}")
    args, words = parser.parse_known_args(argv)
    chosen = {name: setting for name, setting in known.items() if re.search(args.only, name)}
    if not chosen:
        parser.error(f"no setting matches {args.only}; there are {'; '.join(known)}")
    lines, ok = [f"{'setting':22}{'passed':>8}{'failed':>8}{'skipped':>9}{'minutes':>9}"], True
    for name, setting in chosen.items():
        if setting.left_out:
            lines.append(f"{name:22}  left out: {setting.left_out}")
            continue
        print(f"== {name}: {' '.join(f'{key}={value}' for key, value in setting.environment.items())}", flush=True)
        started = time.monotonic()
        status, count = run(setting, words)
        minutes = (time.monotonic() - started) / 60
        ok = ok and status == 0
        if not count:
            lines.append(f"{name:22}  pytest ended with status {status} and without a report")
            continue
        failed = count["failures"] + count["errors"]
        passed = count["tests"] - failed - count["skipped"]
        lines.append(f"{name:22}{passed:8}{failed:8}{count['skipped']:9}{minutes:9.1f}")
    print("\n".join(["", *lines]))
    return not ok


if __name__ == "__main__":
    sys.exit(main())
