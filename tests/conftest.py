"""Fixtures that more than one test file needs, and the mark of the numerical tests."""

import ast
import functools
import os
from pathlib import Path

import pytest

from nnet.ops.runtime import prepare

prepare()  # as building a model does: many tests use operations alone
os.fsync = lambda descriptor: None  # a fifth of the time of tests that train: nothing here has to survive a power loss

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
COMPUTING = ("numpy", "scipy", "mlx", "nnet.ops")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks the tests that `tests/run.sh --rounding` repeats, and those that run a recipe, which come first."""
    for item in items:
        if runs_recipe(item.path):
            item.add_marker("recipe")
        elif is_numerical(item.path):
            item.add_marker("numerical")
    items.sort(key=lambda item: item.get_closest_marker("recipe") is None)


def runs_recipe(path):
    """Whether a file of tests/ calls the run.sh of a recipe."""
    return '"./run.sh"' in path.read_text()


@functools.cache
def is_numerical(path):
    """Whether a file of tests/ imports what computes: itself, or its folder's conftest.py, or a helper."""
    folder = path.parent / "conftest.py"
    if path != folder != TESTS / "conftest.py" and folder.exists() and is_numerical(folder):
        return True
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    helpers = [TESTS / f"{name.replace('.', '/')}.py" for name in names]
    return any(name.startswith(COMPUTING) for name in names) or any(h.exists() and is_numerical(h) for h in helpers)


def _shared(*parts):
    """A path in the folder shared/ beside the project, which not every machine has."""
    path = ROOT.parent.joinpath("shared", *parts)
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    return path


@pytest.fixture(scope="session")
def root():
    """The folder that holds path.sh."""
    return ROOT


@pytest.fixture(scope="session")
def kaldi_reference():
    """Files that Kaldi's own programs wrote."""
    return _shared("reference", "kaldi")


@pytest.fixture(scope="session")
def tf_kaldi_json():
    """Configurations that tf-kaldi-speaker published."""
    return _shared("tf-kaldi-json")


@pytest.fixture(scope="session")
def librispeech_mini():
    """A few hundred utterances in LibriSpeech's layout."""
    return _shared("corpora", "librispeech-mini")
