import numpy as np
import pytest

from nnet.feats.options import MfccOptions
from nnet.feats.spectrum import compute_mfcc, log_energies
from nnet.feats.speech import seconds_of_speech, voiced_frames


@pytest.mark.parametrize("rate", [8000, 16000])
def test_silence_is_not_counted(rate):
    rng = np.random.default_rng(0)
    speech = np.concatenate([0.1 * rng.normal(size=2 * rate), 1e-4 * rng.normal(size=3 * rate)])
    assert seconds_of_speech(speech, rate) == pytest.approx(2, abs=0.1)
    assert seconds_of_speech(1e-4 * rng.normal(size=rate), rate) == 0
    assert seconds_of_speech(np.zeros(10), rate) == 0


def test_frames_are_as_long_as_their_samples():
    speech = 0.1 * np.random.default_rng(0).normal(size=60 * 11025)
    frames = np.count_nonzero(voiced_frames(speech, 11025))
    assert seconds_of_speech(speech, 11025) == pytest.approx(frames * 110 / 11025)


def test_log_energies_are_those_of_mfccs():
    samples = 0.1 * np.random.default_rng(1).normal(size=50000).astype(np.float32)
    options = MfccOptions(dither=0.0)
    np.testing.assert_array_equal(log_energies(samples, options), compute_mfcc(samples, options)[:, 0])
