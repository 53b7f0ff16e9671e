"""mlx-speaker calibrate, compare, enroll, identify, verify, list, forget: from recordings to answers."""

import json
import shutil

import numpy as np
import pytest
import soundfile
from toy_data import make_config

import nnet
from nnet.bin import calibrate, compare, enroll, forget, identify, list_voices, verify
from nnet.datadir.directory import write_table
from nnet.errors import InputError
from nnet.feats.options import MfccOptions
from nnet.model.directory import save_config
from nnet.model.speaker_net import build_model
from nnet.model.weights import save_weights, weights_of
from nnet.ops import mx

RATE = 8000


def speak(folder, speaker, take, seconds=6.0):
    """Writes a recording of a made-up speaker, a filter of noise; returns its path."""
    voice, rng = np.random.default_rng(speaker), np.random.default_rng([speaker, take])
    loudness = np.repeat(rng.uniform(0.3, 1, int(10 * seconds)), RATE // 10)
    samples = np.convolve(rng.normal(size=len(loudness)) * loudness, voice.normal(size=24), "same")
    path = folder / f"s{speaker:02d}-{take}.wav"
    soundfile.write(path, 0.02 * samples, RATE)
    return str(path)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with data, 40 speakers with 2 recordings, and a calibrated model."""
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "data").mkdir()
    paths = {f"s{s:02d}-{take}": speak(folder / "data", s, take) for s in range(40) for take in range(2)}
    write_table(folder / "data/wav.scp", paths)
    write_table(folder / "data/utt2spk", {key: key[:3] for key in paths})
    (folder / "model").mkdir()
    config = nnet.load_config(make_config(folder / "c.json"))
    mx.random.seed(0)
    save_weights(str(folder / "model/model.safetensors"), weights_of(build_model(config, 13)))
    conf = {"type": "mfcc", "options": MfccOptions(sample_frequency=float(RATE)).to_dict(), "cmvn": "none"}
    save_config(str(folder / "model"), config, 13, 5, conf | {"silence_removed": False})
    calibrate.main([str(folder / "model"), str(folder / "data")])
    return folder


def run(capsys, program, *words):
    program.main([str(word) for word in words])
    return capsys.readouterr().out


def test_calibrate_writes_what_it_was_trained_on(work, capsys):
    written = json.loads((work / "model/cosine_calibration.json").read_text())
    assert (written["version"], written["speakers"], written["across"]) == (2, 40, True)
    assert 0.5 <= written["seconds"][0] < written["seconds"][1] <= 6
    first = (work / "model/cosine_calibration.json").read_bytes()
    out = run(capsys, calibrate, work / "model", work / "data")
    assert (work / "model/cosine_calibration.json").read_bytes() == first
    assert "Cllr" in out and "10 enrolled" in out and "requested 5 %" in out


def test_compare_gives_a_probability_by_duration(work, capsys, caplog):
    same = [speak(work, 3, take, seconds) for take, seconds in ((10, 5.0), (11, 5.0))]
    short = [speak(work, 3, take, 0.9) for take in (12, 13)]
    caplog.set_level("INFO")
    a, b, cosine, probability = run(capsys, compare, "--p-target", "0.2", work / "model", *same).split()
    assert [a, b] == same and float(probability) > 0.2
    assert "if it is 0.2 before listening" in caplog.text
    model = nnet.load_model(work / "model")
    assert model.probability(0.99, seconds=(5, 5)) != model.probability(0.99, seconds=(1, 1))
    with pytest.raises(InputError, match="depends on the seconds of speech; give them"):
        model.probability(0.99)
    run(capsys, compare, work / "model", *short, speak(work, 3, 14, 30.0))
    assert "s of speech: the calibration knows" in caplog.text


def test_from_enrolling_to_forgetting(work, capsys):
    gallery = work / "voices.gallery"
    recordings = [speak(work, 1, take) for take in (20, 21)]
    out = run(capsys, enroll, "--force", "true", work / "model", gallery, "one", *recordings)
    assert out.startswith("one: 2 recordings, 12.0 s of speech, agreement ")
    run(capsys, enroll, "--force", "true", work / "model", gallery, "two", speak(work, 2, 20))
    asked = speak(work, 1, 22)
    known = run(capsys, identify, "--false-accept", "0.9999", work / "model", gallery, asked)
    assert known.startswith(f"{asked}: one (probability ") and known.endswith(" before two)\n")
    unknown = run(capsys, identify, "--false-accept", "1e-12", work / "model", gallery, asked)
    assert unknown.startswith(f"{asked}: nobody known; nearest: one (probability ")
    accepted = run(capsys, verify, "--false-accept", "0.9999", work / "model", gallery, "one", asked)
    assert accepted.startswith(f"{asked}: accepted as one (probability ")
    rejected = run(capsys, verify, "--false-accept", "1e-12", work / "model", gallery, "one", asked)
    assert rejected.startswith(f"{asked}: not accepted as one (")
    assert run(capsys, list_voices, gallery) == "one 2 12.0\ntwo 1 6.0\n"
    run(capsys, forget, gallery, "one")
    assert run(capsys, list_voices, gallery) == "two 1 6.0\n"


def test_what_is_wrong_is_said_in_a_line(work, tmp_path, capsys):
    silence = str(tmp_path / "silence.wav")
    soundfile.write(silence, np.full(2 * RATE, 1e-4), RATE)
    gallery = tmp_path / "voices.gallery"
    with pytest.raises(InputError, match="silence.wav: 0.0 s of speech; at least 0.5 s"):
        enroll.main([str(work / "model"), str(gallery), "one", silence])
    twice = [speak(work, 1, 20)] * 2
    with pytest.raises(InputError, match=f"one: not enrolled: .*{twice[0]} and {twice[0]} are the same recording"):
        enroll.main([str(work / "model"), str(gallery), "one", *twice])
    with pytest.raises(InputError, match="voices.gallery: no such gallery"):
        list_voices.main([str(gallery)])
    with pytest.raises(InputError, match="nobody is enrolled"):
        identify.main([str(work / "model"), str(gallery), speak(tmp_path, 1, 30)])


def test_too_few_speakers_are_refused(work, tmp_path):
    shutil.copytree(work / "data", tmp_path / "few")
    for name in ("wav.scp", "utt2spk"):
        lines = (tmp_path / "few" / name).read_text().splitlines(True)[:20]
        (tmp_path / "few" / name).write_text("".join(lines))
    with pytest.raises(InputError, match="only 10 speakers; a calibration needs 40 or more"):
        calibrate.main([str(work / "model"), str(tmp_path / "few")])


def test_a_model_without_a_folder_here_is_not_calibrated(work):
    with pytest.raises(InputError, match="small: no such folder; .* calibrate a copy"):
        calibrate.main(["small", str(work / "data")])


def test_a_calibration_of_other_weights_is_refused(work, tmp_path):
    shutil.copytree(work / "model", tmp_path / "model")
    config = nnet.load_config(str(work / "c.json"))
    mx.random.seed(1)
    save_weights(str(tmp_path / "model/model.safetensors"), weights_of(build_model(config, 13)))
    with pytest.raises(InputError, match="made for another model .*make it again: mlx-speaker calibrate"):
        _ = nnet.load_model(tmp_path / "model").calibration
    assert nnet.load_model(work / "model").checksum != nnet.load_model(tmp_path / "model").checksum
