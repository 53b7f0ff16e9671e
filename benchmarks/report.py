"""Tables of measurements as Markdown, and the machine that they were made on."""

import importlib.metadata
import os
import platform
import subprocess
import time
from collections import namedtuple

from nnet.cores import cores

Table = namedtuple("Table", "title header rows")
Table.__doc__ = "A heading, the names of the columns, and rows of strings and numbers."

PACKAGES = ("mlx", "mkl", "torch", "numpy", "scipy", "kaldi-native-fbank", "kaldiio")


def markdown(table):
    """A table under its heading."""
    rows = [table.header, ["---", *["---:"] * (len(table.header) - 1)], *[map(cell, row) for row in table.rows]]
    return "\n".join([f"### {table.title}", "", *["| " + " | ".join(row) + " |" for row in rows], ""])


def cell(value):
    """A number with three digits, or what else there is."""
    if not isinstance(value, float):
        return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) < 1 else f"{value:#.3g}".rstrip(".")


def machine():
    """The processor, the system and the versions that matter, as a line each."""
    versions = ", ".join(f"{name} {version}" for name in PACKAGES if (version := version_of(name)))
    return [
        f"{processor()}, {cores()} cores, threads a process: {num_threads()}; {platform.platform()}",
        f"Python {platform.python_version()}, {versions}",
        f"{time.strftime('%Y-%m-%d %H:%M')}, load {os.getloadavg()[0]:.1f} at the start",
    ]


def num_threads():
    """The threads that each side of a contest has: OMP_NUM_THREADS, or one a core."""
    return int(os.environ.get("OMP_NUM_THREADS") or cores())


def version_of(package):
    """The installed version of a package, None where there is none."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor():
    """The name of this machine's processor."""
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
