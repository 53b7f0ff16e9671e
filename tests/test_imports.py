"""Imports go down only, and what needs no MLX does not load it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "nnet").rglob("*.py"))

# From the bottom up: a part may import those of lower ranks and of its own.
RANKS = [
    {"cores", "errors", "malloc"},
    {"files", "locks", "options", "progress", "records", "rows"},
    {"kaldi"},
    {"audio", "datadir"},
    {"feats", "backend", "metrics"},
    {"ops"},
    {"networks", "poolings", "losses", "optim"},
    {"config"},
    {"model"},
    {"dataset", "report", "pretrained", "export", "resnet_embedding"},
    {"training", "diarization", "gallery", "voices", "answers"},
    {"jobs"},
    {"bin"},
]
WITHOUT_MLX = ["kaldi", "audio", "datadir", "feats", "backend", "metrics", "dataset"]


def part_of(path):
    return path.relative_to(ROOT / "nnet").parts[0].removesuffix(".py")


def rank_of(part):
    return next(rank for rank, parts in enumerate(RANKS) if part in parts)


def imports_of(path):
    """The modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path):
    part = part_of(path)
    if part == "__init__":
        return
    for name in imports_of(path):
        words = name.split(".")
        if words[0] == "nnet" and len(words) > 1 and any(words[1] in parts for parts in RANKS):
            assert rank_of(words[1]) <= rank_of(part), f"{path} imports {name}, which stands above it"
        if words[0] == "mlx":
            assert part == "ops", f"{path} imports {name}; nnet.ops is the one door to MLX"


@pytest.mark.parametrize("part", WITHOUT_MLX)
def test_loads_without_mlx(part):
    names = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in MODULES if part_of(p) == part]
    imports = "; ".join(f"import {name.removesuffix('.__init__')}" for name in names)
    code = f"import sys; {imports}; sys.exit(any(m.split('.')[0] == 'mlx' for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or f"nnet.{part} loads mlx"


@pytest.mark.parametrize("name", ["run_jobs", "slurm_jobs"])
def test_a_job_starts_without_what_loads_slowly(name):
    code = f"import sys, nnet.bin.{name}; print(*{{'numpy', 'mlx', 'argparse', 'ctypes'}} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "\n", done.stderr
