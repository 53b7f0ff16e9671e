import importlib
import os

import numpy as np
import pytest
import soundfile

from nnet.audio.augment import Augmenter, AugmentOptions
from nnet.audio.mixing import change_speed
from nnet.datadir.directory import DataDir, write_table
from nnet.dataset import ChunkLoader, ValidationLoader, speaker_indices
from nnet.dataset.audio import audio_chunks, with_speeds
from nnet.errors import InputError
from nnet.feats.options import FbankOptions, MelOptions, MfccOptions
from nnet.feats.specaugment import SpecAugment, SpecAugmentOptions
from nnet.feats.spectrum import compute_fbank, compute_mfcc, compute_rows

RATE = 8000
SPK2INT = {"a": 0, "b": 1}


def conf(dither=0.0, cmvn="none", **options):
    options = FbankOptions(sample_frequency=RATE, num_mel_bins=20, dither=dither, **options)
    return {"type": "fbank", "options": options.to_dict(), "cmvn": cmvn, "silence_removed": False}


@pytest.fixture
def data(tmp_path):
    """Two recordings of 3 s, the first in flac, the second with two channels."""
    rng = np.random.default_rng(0)
    samples = {u: 0.1 * rng.standard_normal((3 * RATE, 1 + (u == "b-1"))).astype(np.float32) for u in ("a-1", "b-1")}
    soundfile.write(tmp_path / "a.flac", samples["a-1"], RATE)
    soundfile.write(tmp_path / "b.wav", samples["b-1"], RATE)
    write_table(tmp_path / "wav.scp", {"a-1": str(tmp_path / "a.flac"), "b-1": str(tmp_path / "b.wav")})
    write_table(tmp_path / "utt2spk", {"a-1": "a", "b-1": "b"})
    return DataDir(tmp_path)


def whole(data, row, channel=0):
    name = ("a.flac", "b.wav")[row]
    return soundfile.read(data.file(name), dtype="float32", always_2d=True)[0][:, channel]


def chunk(source, row, start, frames):
    out = np.empty((frames, source.dim), np.float32)
    source.read_into(row, start, out, np.random.default_rng(0))
    return out


@pytest.mark.parametrize("snip_edges", [True, False])
def test_a_chunk_has_the_frames_of_the_whole_utterance(data, snip_edges):
    c = conf(snip_edges=snip_edges)
    table, source = audio_chunks(data, SPK2INT, c)
    options = FbankOptions.from_dict(c["options"])
    for row in (0, 1):
        expected = compute_fbank(whole(data, row), options)
        frames = len(expected)
        assert table.frames[row] == frames
        for start, length in ((0, 50), (100, 50), (frames - 50, 50), (0, frames)):
            np.testing.assert_allclose(chunk(source, row, start, length), expected[start : start + length], atol=1e-4)


def test_segments_and_channels(data):
    write_table(data.file("segments"), {"a-1-x": "a-1 1.0 2.0", "b-1-x": "b-1 0.5 3.0 1"})
    write_table(data.file("utt2spk"), {"a-1-x": "a", "b-1-x": "b"})
    data = DataDir(data.path)
    _, source = audio_chunks(data, SPK2INT, conf())
    options = FbankOptions.from_dict(conf()["options"])
    for row, channel, cut in ((0, 0, slice(RATE, 2 * RATE)), (1, 1, slice(RATE // 2, 3 * RATE))):
        expected = compute_fbank(whole(data, row, channel)[cut], options)
        np.testing.assert_allclose(chunk(source, row, 7, 60), expected[7:67], atol=1e-4)


def test_the_options_choose_channel_and_shortest_utterance(data, caplog):
    _, source = audio_chunks(data, SPK2INT, conf(channel=1, min_duration=3.0))
    expected = compute_fbank(whole(data, 1, 1), FbankOptions.from_dict(conf()["options"]))
    np.testing.assert_allclose(chunk(source, 1, 7, 60), expected[7:67], atol=1e-4)
    write_table(data.file("segments"), {"a-1-x": "a-1 1.0 2.0", "b-1-x": "b-1 0.5 3.0 200"})
    write_table(data.file("utt2spk"), {"a-1-x": "a", "b-1-x": "b"})
    table, source = audio_chunks(DataDir(data.path), SPK2INT, conf(min_duration=1.5))
    assert (
        table.utterance(0) == "b-1-x"
        and table.num_utterances == 1
        and "ignored 1 utterances shorter than min-duration, 1.5 s: a-1-x" in caplog.text
    )
    with pytest.raises(InputError, match="expected channel 200"):
        chunk(source, 0, 0, 50)


def test_mfcc_normalised_over_the_chunk(data):
    options = MfccOptions(sample_frequency=RATE, dither=0.0)
    c = {"type": "mfcc", "options": options.to_dict(), "cmvn": "utterance", "silence_removed": False}
    _, source = audio_chunks(data, SPK2INT, c)
    expected = compute_mfcc(whole(data, 0), options)[30:80]
    np.testing.assert_allclose(chunk(source, 0, 30, 50), expected - expected.mean(axis=0), atol=1e-3)


@pytest.mark.parametrize("layout", ["tfmel", "torchaudio"])
def test_a_chunk_of_mel_spectra_is_a_recording_of_its_own(data, layout):
    options = MelOptions(sample_frequency=RATE, layout=layout, num_mel_bins=20, high_freq=3800.0)
    c = {"type": "mel", "options": options.to_dict(), "cmvn": "none", "silence_removed": False}
    table, source = audio_chunks(data, SPK2INT, c)
    samples = whole(data, 0)
    expected = np.asarray(compute_rows(samples, options))
    frames = len(expected)
    assert table.frames[0] == frames
    np.testing.assert_array_equal(chunk(source, 0, 0, frames), expected)
    for start in (0, 100, frames - 50):
        found = chunk(source, 0, start, 50)
        np.testing.assert_allclose(found[2:-2], expected[start + 2 : start + 48], atol=1e-5)
    for start in (0, 150, frames - 1):
        assert np.isfinite(chunk(source, 0, start, 1)).all()
    cut = samples[100 * 80 :][: options.num_samples(50)]
    np.testing.assert_array_equal(chunk(source, 0, 100, 50), compute_rows(cut, options))
    repeated = np.concatenate([samples, samples])[: options.num_samples(400)]
    np.testing.assert_array_equal(chunk(source, 0, 0, 400), compute_rows(repeated, options))


def test_short_utterances_are_repeated(data):
    _, source = audio_chunks(data, SPK2INT, conf())
    samples = whole(data, 0)
    expected = compute_fbank(
        np.concatenate([samples, samples])[: 399 * 80 + 200], FbankOptions.from_dict(conf()["options"])
    )
    np.testing.assert_allclose(chunk(source, 0, 0, 400), expected, atol=1e-4)


def test_random_features_do_not_depend_on_the_workers(data, monkeypatch):
    with open(data.file("quiet.py"), "w") as file:
        file.write("def quieter(samples, rng):\n    return samples * rng.uniform(0.1, 1)\n")
    monkeypatch.syspath_prepend(data.path)
    monkeypatch.setenv("PYTHONPATH", data.path)  # the worker imports the function by name
    options = {"source": "audio", "conf": conf(dither=1.0), "batch_size": 4, "min_frames": 60, "max_frames": 90}
    options |= {"steps_per_epoch": 3, "augment": importlib.import_module("quiet").quieter}
    alone = list(ChunkLoader(data.path, SPK2INT, **options).epoch(0))
    with ChunkLoader(data.path, SPK2INT, num_workers=1, **options) as loader:
        for (features, labels), (other, other_labels) in zip(loader.epoch(0), alone, strict=True):
            np.testing.assert_array_equal(features, other)
            np.testing.assert_array_equal(labels, other_labels)


def test_every_bit_is_the_same_in_a_worker(tmp_path):
    # as large as training has it: with several threads numpy's matrix products then round in another way
    samples = 0.1 * np.random.default_rng(0).standard_normal((6, 8 * 16000))
    for i, recording in enumerate(samples):
        soundfile.write(tmp_path / f"{i}.wav", recording, 16000)
    write_table(tmp_path / "wav.scp", {f"a-{i}": str(tmp_path / f"{i}.wav") for i in range(6)})
    write_table(tmp_path / "utt2spk", {f"a-{i}": "a" for i in range(6)})
    options = FbankOptions(num_mel_bins=80).to_dict()
    c = {"type": "fbank", "options": options, "cmvn": "utterance", "silence_removed": False}
    sampling = {"source": "audio", "conf": c, "batch_size": 12, "min_frames": 150, "max_frames": 400}
    alone = list(ChunkLoader(tmp_path, {"a": 0}, **sampling, steps_per_epoch=4).epoch(0))
    with ChunkLoader(tmp_path, {"a": 0}, num_workers=1, **sampling, steps_per_epoch=4) as loader:
        for (features, _), (other, _) in zip(loader.epoch(0), alone, strict=True):
            np.testing.assert_array_equal(features, other)


def test_other_speeds_are_speakers_of_their_own(data):
    utt2spk = with_speeds(data.utt2spk, (0.9, 1.1))
    assert utt2spk["sp0.9-a-1"] == "sp0.9-a" and len(utt2spk) == 6
    table, source = audio_chunks(data, speaker_indices(utt2spk), conf(), speeds=(0.9, 1.1))
    assert [table.speaker(i) for i in range(6)] == sorted(set(utt2spk.values()))
    options = FbankOptions.from_dict(conf()["options"])
    for row in range(6):
        speed = {"sp0.9": 0.9, "sp1.1": 1.1}.get(table.utterance(row).split("-")[0])
        samples = whole(data, "b" in table.utterance(row))
        expected = compute_fbank(change_speed(samples, speed) if speed else samples, options)
        assert abs(table.frames[row] - len(expected)) <= 1
        # cut out at another place, a sound meets the resampling filter at another phase
        np.testing.assert_allclose(chunk(source, row, 20, 60).mean(), expected[20:80].mean(), atol=0.02)
        np.testing.assert_allclose(chunk(source, row, 0, 60)[5:-5], expected[5:55], atol=1e-3)


def test_augmentation_in_workers(data, tmp_path_factory):
    noises = tmp_path_factory.mktemp("noises")
    soundfile.write(noises / "n.wav", 0.3 * np.random.default_rng(1).standard_normal(RATE), RATE)
    write_table(noises / "wav.scp", {"n": str(noises / "n.wav")})
    options = {"source": "audio", "conf": conf(), "batch_size": 2, "min_frames": 100, "max_frames": 100}
    plain, noisy, masked = (
        next(ChunkLoader(data.path, SPK2INT, **options, **extra).epoch(0))[0]
        for extra in (
            {},
            {"augment": Augmenter(AugmentOptions(noises=str(noises), probability=1.0), RATE)},
            {"transform": SpecAugment(SpecAugmentOptions(probability=1.0, max_frequency=4))},
        )
    )
    assert (noisy - plain).mean() > 0.05
    assert 0 < (masked != plain).mean() < 0.5
    with pytest.raises(InputError, match="need audio"):
        ChunkLoader(data.path, SPK2INT, speeds=(0.9,), batch_size=2, min_frames=9, max_frames=9)


def test_validation_from_audio(data):
    with ValidationLoader(data.path, SPK2INT, batch_size=2, frames=100, source="audio", conf=conf()) as loader:
        ((features, labels),) = loader.epoch(0)
    assert features.shape == (2, 100, 20) and labels.tolist() == [0, 1]


def test_commands_and_wrong_durations(data):
    write_table(data.file("wav.scp"), {"a-1": f"cat {data.file('a.flac')} |", "b-1": data.file("b.wav")})
    write_table(data.file("utt2dur"), {"a-1": "3.001", "b-1": "9"})
    table, source = audio_chunks(DataDir(data.path), SPK2INT, conf())
    assert np.isfinite(chunk(source, 0, table.frames[0] - 50, 50)).all()
    with pytest.raises(InputError, match="b-1.*b.wav.*truncated"):
        chunk(source, 1, 400, 50)


def test_what_cannot_be_read_is_one_line(data):
    table, source = audio_chunks(data, SPK2INT, conf())
    os.truncate(data.file("a.flac"), 3000)
    with pytest.raises(InputError, match="a-1.*a.flac"):
        chunk(source, 0, 200, 50)
    os.remove(data.file("b.wav"))
    with pytest.raises(InputError, match="b-1.*b.wav"):
        chunk(source, 1, 200, 50)
    with pytest.raises(InputError, match="feats_conf.json: missing"):
        audio_chunks(data, SPK2INT)
    with pytest.raises(InputError, match="expected channel 0 at 16000 Hz"):
        soundfile.write(data.file("b.wav"), np.zeros(3 * RATE), RATE)
        c = conf()
        c["options"]["sample_frequency"] = 16000.0
        chunk(audio_chunks(DataDir(data.path), SPK2INT, c)[1], 1, 0, 50)
