"""What Kaldi's own programs made of a few short recordings: the part that travels with the tests."""

from pathlib import Path

import pytest
import soundfile

from nnet.kaldi.ark import read_dict
from nnet.kaldi.tables import read_table

HERE = Path(__file__).parent / "kaldi"


@pytest.fixture(scope="session")
def kaldi():
    """The folder of reference files that is part of the tests."""
    return HERE


@pytest.fixture(scope="session")
def recordings():
    """{utterance: samples} at 16 kHz."""
    table = read_table(HERE / "wav_16k.scp")
    return {utterance: soundfile.read(HERE / name, dtype="float32")[0] for utterance, name in table.items()}


@pytest.fixture(scope="session")
def mfccs():
    """{utterance: MFCCs} as Kaldi computes them."""
    return read_dict(str(HERE / "mfcc_vox.ark"))
