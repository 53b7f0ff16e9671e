"""Recordings longer than memory: the same bytes as in one piece, and only a part of them in memory."""

import os
import tracemalloc

import numpy as np
import pytest
import soundfile

from nnet import rows as module
from nnet.audio import reading
from nnet.audio.reading import convert_rate, open_audio, read_audio
from nnet.bin import compute_vad, make_feats, prepare_feats
from nnet.errors import InputError
from nnet.feats import cmvn, frames, spectrum
from nnet.feats.options import FbankOptions, MfccOptions
from nnet.kaldi import ark
from nnet.kaldi.tables import write_table
from nnet.rows import StoredRows, gathered

RATE = 8000
SECONDS = 40
CONF = "--sample-frequency=8000\n--num-ceps=20\n--dither=1\n"


def make_data(folder):
    """A data directory of one recording, loud and quiet by turns."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    loudness = np.repeat(rng.choice([0.01, 0.3], 10 * SECONDS), RATE // 10)
    soundfile.write(folder / "a.wav", loudness * rng.normal(size=len(loudness)).clip(-3, 3), RATE)
    write_table(folder / "wav.scp", {"s-a": folder / "a.wav"})
    write_table(folder / "utt2spk", {"s-a": "s"})
    (folder / "conf").write_text(CONF)
    return folder


def prepared(folder, kind, compress):
    """Runs the programs of features, VAD and CMVN on a data directory; returns the bytes of their archives."""
    main = [(make_feats, "feats", ["--type", kind, "--config", str(folder / "conf"), "--compress", compress])]
    if kind == "fbank":
        (folder / "conf").write_text(CONF.replace("--num-ceps=20", "--num-mel-bins=30"))
    main += [(compute_vad, "vad", []), (prepare_feats, "prepared", ["--compress", compress])]
    found = []
    for program, name, options in main:
        program.main([*options, str(folder), str(folder / name)])
        (folder / f"{name}.json").replace(folder / "feats_conf.json")
        found.append((folder / f"{name}.ark").read_bytes())
    return found


@pytest.fixture
def short_memory(monkeypatch):
    """What is longer than some seconds goes through temporary files, in many blocks of odd sizes."""

    def shorten():
        for part, name, value in (
            (module, "LONG", 20_000),
            (ark, "LONG", 20_000),
            (module, "BLOCK", 9_996),
            (reading, "BLOCK", 7_001),
            (reading, "LONG", 1000),
            (cmvn, "STRETCH", 256),
            (spectrum, "STRETCH", 5 * spectrum.BLOCK),
        ):
            monkeypatch.setattr(part, name, value)

    return shorten


@pytest.mark.parametrize(("kind", "compress"), [("mfcc", "true"), ("fbank", "false")])
def test_the_same_bytes(tmp_path, short_memory, kind, compress):
    """Dither, snip_edges, compression by columns, VAD and sliding CMVN in blocks."""
    expected = prepared(make_data(tmp_path / "whole"), kind, compress)
    short_memory()
    folder = make_data(tmp_path / "blocks")
    assert isinstance(open_audio(str(folder / "a.wav"))[0], StoredRows)
    assert prepared(folder, kind, compress) == expected
    assert isinstance(ark.open_matrix(f"{folder}/feats.ark:4"), ark.StoredMatrix)


def test_only_a_part_is_in_memory(tmp_path, short_memory):
    """15 MB of samples and 5 MB of features; columns that were views of all blocks held them all in VAD."""
    short_memory()
    folder = make_data(tmp_path / "data")
    samples, _ = soundfile.read(folder / "a.wav", dtype="int16")
    soundfile.write(folder / "a.wav", np.tile(samples, 12), RATE)
    tracemalloc.start()
    try:
        prepared(folder, "mfcc", "true")
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("options", [{"subtract_mean": True}, {"snip_edges": False}, {"frame_shift": 40.0}])
def test_features_in_blocks(short_memory, options):
    """Means in two passes with the same dither, reflected ends, and samples between the frames."""
    samples = 0.1 * np.random.default_rng(0).normal(size=RATE * SECONDS + 77).astype(np.float32)
    options = MfccOptions(sample_frequency=float(RATE), **options)
    expected = spectrum.compute_rows(samples, options, np.random.default_rng(1))
    short_memory()
    found = spectrum.compute_rows(gathered([samples]), options, np.random.default_rng(1))
    assert isinstance(found, StoredRows) and np.array_equal(found, expected)


@pytest.mark.parametrize("norm_vars", [False, True])
def test_means_of_utterances_in_blocks(short_memory, norm_vars):
    feats = np.random.default_rng(0).normal(size=(3000, 5)).astype(np.float32)
    expected = cmvn.utterance_cmvn(feats, norm_vars), cmvn.sliding_cmvn(feats, norm_vars=norm_vars)
    short_memory()
    rows = gathered([feats[:1000], feats[1000:]])
    assert np.array_equal(np.concatenate([*cmvn.utterance_cmvn_blocks(rows, norm_vars)]), expected[0])
    assert np.array_equal(np.concatenate([*cmvn.sliding_cmvn_blocks(rows, norm_vars=norm_vars)]), expected[1])


@pytest.mark.parametrize(("rate", "new_rate"), [(44100, 16000), (8000, 16000), (48000, 8000)])
def test_resampling_in_blocks(short_memory, rate, new_rate):
    samples = np.random.default_rng(0).normal(size=50_001).astype(np.float32)
    expected = convert_rate(samples, rate, new_rate)
    short_memory()
    assert np.array_equal(convert_rate(gathered([samples]), rate, new_rate), expected)


def test_recordings_in_pipes_archives_and_parts(tmp_path, short_memory):
    folder = make_data(tmp_path / "data")
    path = str(folder / "a.wav")
    expected, rate = read_audio(path)
    (tmp_path / "wav.ark").write_bytes(b"a " + (folder / "a.wav").read_bytes() + b"rest")
    short_memory()
    for rx in (path, f"cat {path} |", f"{tmp_path}/wav.ark:2"):
        assert np.array_equal(open_audio(rx)[0], expected)
    part = reading.cut(open_audio(path)[0], rate, 3.5, 30.0, "")
    assert np.array_equal(part[5:900], expected[28_005:28_900]) and len(part) == 26.5 * RATE


def test_a_full_disk_is_refused_in_one_line(short_memory, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    short_memory()
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(InputError, match="a temporary file cannot be written: No space left on device.*TMPDIR"):
        gathered([np.zeros(30_000, np.float32)])


def test_frames_have_no_gaps():
    """Each frame of a long signal is that of the definition, whatever the stretch that it lies in."""
    options = FbankOptions(sample_frequency=1000.0, frame_length=30.0, frame_shift=7.0, snip_edges=False, dither=0.0)
    samples = np.arange(1, 1001, dtype=np.float32)
    found = np.concatenate([*frames.frame_blocks(samples, options, 13, np.asarray)])
    places = np.arange(len(found))[:, None] * 7 + 3 - 15 + np.arange(30)
    reflected = np.where(places < 0, -1 - places, np.where(places >= 1000, 1999 - places, places))
    assert np.array_equal(found, samples[reflected])
