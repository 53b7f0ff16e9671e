"""Prints the Python interpreter for the scripts; creates ROOT/.venv if no other one has nnet's dependencies.

path.sh calls it. It must run on a bare Python, so it uses only the standard library.
"""

import ast
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from nnet.bin.cli import parser, run
from nnet.errors import InputError

MARKER = "set-up.json"  # in .venv: what was installed; absent while an installation is unfinished


def main(argv=None):
    args = _parser().parse_args(argv)
    root = Path(args.root).resolve()
    venv = root / ".venv"
    extras = [e for e in os.environ.get("SV_EXTRAS", "").split(",") if e]
    requires = requirements(root / "setup.py", extras)
    named = os.environ.get("SV_PYTHON")
    if not _inside(venv, named or sys.executable):
        lacking = missing(requires)
        if not lacking:
            print(sys.executable)
            return
        if named:
            raise InputError(f"SV_PYTHON={named} lacks {', '.join(lacking)}; install them there, or unset SV_PYTHON")
    if not ready(venv, root / "setup.py", extras):
        with _locked(root / ".venv.lock"):
            if not ready(venv, root / "setup.py", extras):
                _make(venv, root / "setup.py", extras)
    print(venv / "bin" / "python")


def _parser():
    options = parser(__doc__)
    options.add_argument("root", help="the folder that holds setup.py")
    return options


def requirements(setup_py, extras):
    """Returns the requirements in setup.py, including those of some extras: a list of strings."""
    tables = {}
    for node in ast.parse(setup_py.read_text()).body:
        if isinstance(node, ast.Assign):
            tables[node.targets[0].id] = ast.literal_eval(node.value)
    unknown = [e for e in extras if e not in tables["EXTRAS"]]
    if unknown:
        raise InputError(f"SV_EXTRAS: {unknown[0]} is not an extra of {setup_py}; known: {', '.join(tables['EXTRAS'])}")
    return tables["REQUIRES"] + [r for e in extras for r in tables["EXTRAS"][e]]


def missing(requires):
    """Returns the requirements that this interpreter lacks or has in an older version."""
    lacking = []
    for requirement in requires:
        name, least = re.match(r"([\w.-]+)[^>;]*(?:>=([\d.]+))?", requirement).groups()
        try:
            if _numbers(metadata.version(name)) < _numbers(least or "0"):
                lacking.append(f"{name}>={least}")
        except metadata.PackageNotFoundError:
            lacking.append(name)
    if not any(r.startswith("mlx") for r in lacking) and not _mlx_loads():
        lacking.append("mlx[cpu]")
    return lacking


def _numbers(version):
    """Returns the leading numbers of a version, for comparisons."""
    return [int(n) for n in re.match(r"[\d.]*", version).group().strip(".").split(".") if n]


def _mlx_loads():
    # On Linux the package mlx alone is incomplete: its library comes with mlx[cpu] or mlx[cuda13].
    code = "import mlx.core"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def _inside(venv, interpreter):
    return Path(os.path.abspath(interpreter)).is_relative_to(venv)


@contextlib.contextmanager
def _locked(path):
    """Locks .venv against a second installation; installers that outlive a killed parent keep holding the lock."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    os.set_inheritable(lock, True)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _say("waiting for another process that sets up .venv")
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(lock)


def ready(venv, setup_py, extras):
    """Returns whether .venv holds a finished installation of this very setup.py with these extras."""
    made = _read_marker(venv)
    return (
        made.get("setup") == _checksum(setup_py)
        and set(extras) <= set(made["extras"])
        and os.access(venv / "bin" / "python", os.X_OK)
    )


def _read_marker(venv):
    try:
        return json.loads((venv / MARKER).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}


def _checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _make(venv, setup_py, extras):
    """Installs into .venv in place; removes the marker first and writes it last, so interruptions are detected."""
    made = _read_marker(venv)
    extras = sorted(set(extras) | set(made.get("extras", [])))
    if not (made and os.access(venv / "bin" / "python", os.X_OK)):
        _create(venv)
    (venv / MARKER).unlink(missing_ok=True)
    device, words = choose_device()
    _say(f"installing what nnet needs, {words} (some hundred MB, a few minutes)")
    wanted = requirements(setup_py, [e for e in [device, *extras] if e])
    log = venv.with_name(".venv.log")
    _call([venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--quiet", *wanted], log)
    partial = venv / (MARKER + ".tmp")
    partial.write_text(json.dumps({"setup": _checksum(setup_py), "extras": extras, "device": device}))
    os.replace(partial, venv / MARKER)
    _say("ready")


def _create(venv):
    """Creates .venv; replaces an unfinished one of ours, but not one that path.sh did not create."""
    unfinished = venv / "unfinished"
    if venv.exists() and any(venv.iterdir()) and not unfinished.exists() and not (venv / MARKER).exists():
        raise InputError(f"{venv} was not made by path.sh: activate it (with all of setup.py in it), or remove it")
    base = base_python()
    _say(f"{'repairing' if venv.exists() else 'making'} .venv with {base}")
    shutil.rmtree(venv, ignore_errors=True)
    venv.mkdir()
    unfinished.touch()
    _call([base, "-m", "venv", venv], venv.with_name(".venv.log"))


def base_python():
    """Finds a Python ≥ 3.10 that can create environments: this one or another in PATH (Debian's may lack ensurepip)."""
    others = [shutil.which(f"python3.{minor}") for minor in (13, 12, 11, 10, 14)]
    for python in [sys.executable, shutil.which("python3"), *others]:
        code = "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))"
        if python and subprocess.run([python, "-c", code], capture_output=True).returncode == 0:
            return python
    raise InputError(
        f"{sys.executable} cannot create environments, as its module ensurepip is missing (on Debian: the package "
        "python3-venv); install it, or choose another Python: SV_PYTHON=/path/to/python3"
    )


def choose_device():
    """Chooses the extra that provides MLX's library ("" on macOS, where mlx includes it), with its description."""
    if sys.platform == "darwin":
        return "", f"with MLX for {'Apple GPUs' if platform.machine() == 'arm64' else 'macOS'}"
    driver = nvidia_driver()
    if driver >= 580:
        return "cuda13", "with MLX for CUDA 13"
    if driver >= 550:
        return "cuda12", "with MLX for CUDA 12"
    if driver:
        return "cpu", f"with MLX for the CPU, as MLX needs NVIDIA's driver 550 or newer and this one is {driver}"
    return "cpu", "with MLX for the CPU"


def nvidia_driver():
    """Returns the major version of the NVIDIA driver; 0 if nvidia-smi is absent or fails."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    version = re.match(r"(\d+)\.", answer.stdout)
    return int(version.group(1)) if answer.returncode == 0 and version else 0


def _call(command, log):
    with open(log, "w") as out:
        status = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, close_fds=False).returncode
    if status != 0:
        tail = " ".join(log.read_text(errors="replace").split()[-60:])
        raise InputError(f"{' '.join(map(str, command[1:4]))} failed (full output in {log}): … {tail}")


def _say(message):
    print(f"path.sh: {message}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
