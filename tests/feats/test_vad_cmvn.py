"""Voice activity and mean normalisation: Kaldi's decisions to the frame, Kaldi's numbers, and plain twins."""

import numpy as np
import pytest

from nnet.feats.cmvn import sliding_cmvn, utterance_cmvn
from nnet.feats.prepare import prepare
from nnet.feats.vad import VadOptions, energy_vad
from nnet.kaldi.ark import read_dict

WINDOWS = {
    "cmvn_sliding_vox.ark": {},
    "cmvn_sliding_vars100_vox.ark": {"norm_vars": True, "window": 100},
    "cmvn_sliding_online_vox.ark": {"center": False, "window": 100, "min_window": 30},
}


def read_decisions(path):
    return {u: v.astype(bool) for u, v in read_dict(f"ark:{path}").items()}


def assert_decisions(feats, path, options):
    for utterance, expected in read_decisions(path).items():
        assert np.array_equal(energy_vad(feats[utterance], options), expected), utterance


def test_vad_decides_as_kaldi(kaldi, mfccs):
    assert_decisions(mfccs, kaldi / "vad_vox.txt", VadOptions.from_conf(kaldi / "vad.conf"))


def test_vad_of_the_whole_reference(kaldi_reference):
    folder = kaldi_reference / "feats"
    for archive, text, options in [
        ("mfcc_vox.ark", "vad_vox.txt", VadOptions.from_conf(folder / "vad.conf")),
        ("mfcc_sre16.ark", "vad_sre16.txt", VadOptions.from_conf(folder / "vad.conf")),
        ("mfcc_vox.ark", "vad_vox_ctx5.txt", VadOptions(5.0, 0.5, 0.6, 5)),
    ]:
        assert_decisions(read_dict(str(folder / archive)), folder / text, options)


def test_voiced_frames_are_those_that_kaldi_keeps(kaldi, mfccs):
    decisions = read_decisions(kaldi / "vad_vox.txt")
    expected = read_dict(str(kaldi / "nosil_vox.ark"))
    for utterance, feats in mfccs.items():
        kept = prepare(feats, "sliding", decisions[utterance])
        if len(kept):
            np.testing.assert_allclose(kept, expected.pop(utterance), atol=1e-3)
    assert not expected


@pytest.mark.parametrize("context", [0, 1, 5, 100])
def test_vad_counts_the_frames_around(context):
    feats = np.random.default_rng(context).normal(8, 3, (40, 3)).astype(np.float32)
    options = VadOptions(5.0, 0.4, 0.5, context)
    threshold = 5.0 + 0.4 * feats[:, 0].mean()
    for t, voiced in enumerate(energy_vad(feats, options)):
        around = feats[max(0, t - context) : t + context + 1, 0]
        assert voiced == (np.sum(around > threshold) >= 0.5 * len(around))


def test_sliding_cmvn_is_that_of_kaldi(kaldi, mfccs):
    for utterance, expected in read_dict(str(kaldi / "cmvn_sliding_vox.ark")).items():
        np.testing.assert_allclose(sliding_cmvn(mfccs[utterance]), expected, atol=1e-3)


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_of_the_whole_reference(kaldi_reference, mfccs, name):
    for utterance, expected in read_dict(str(kaldi_reference / "feats" / name)).items():
        np.testing.assert_allclose(sliding_cmvn(mfccs[utterance], **WINDOWS[name]), expected, atol=1e-3)


def test_utterance_cmvn_is_that_of_kaldi(kaldi_reference, mfccs):
    for utterance, expected in read_dict(str(kaldi_reference / "feats" / "cmvn_utt_vox.ark")).items():
        np.testing.assert_allclose(utterance_cmvn(mfccs[utterance], norm_vars=True), expected, atol=1e-3)


@pytest.mark.parametrize("frames", [1, 5, 20, 21, 60])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("norm_vars", [True, False])
def test_sliding_cmvn_against_its_definition(frames, center, norm_vars):
    feats = np.random.default_rng(frames).normal(3, 2, (frames, 2)).astype(np.float32)
    normalised = sliding_cmvn(feats, window=20, center=center, norm_vars=norm_vars, min_window=12)
    for t in range(frames):
        start, stop = (t - 10, t + 10) if center else (t - 20, t + 1)
        if start < 0:
            start, stop = 0, stop - start if center else max(t + 1, 12)
        if stop > frames:
            start, stop = max(0, start - (stop - frames)), frames
        window = feats[start:stop].astype(np.float64)
        expected = feats[t] - window.mean(axis=0)
        if norm_vars:
            expected = expected / window.std(axis=0) if len(window) > 1 else 0 * expected
        np.testing.assert_allclose(normalised[t], expected, atol=1e-5)


@pytest.mark.parametrize("cmvn", ["none", "sliding", "utterance"])
def test_no_frames(cmvn):
    empty = np.zeros((0, 4), np.float32)
    assert prepare(empty, cmvn, np.zeros(0, bool)).shape == (0, 4)
    assert energy_vad(empty, VadOptions()).shape == (0,)
