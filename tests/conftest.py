"""Fixtures that more than one test file needs."""

from pathlib import Path

import pytest

from nnet.ops.runtime import prepare

prepare()  # as building a model does: many tests use operations alone

ROOT = Path(__file__).resolve().parent.parent


def _shared(*parts):
    """A path in the folder shared/ beside the project, which not every machine has."""
    path = ROOT.parent.joinpath("shared", *parts)
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    return path


@pytest.fixture
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
