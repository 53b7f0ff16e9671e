"""MUSAN, RIRS_NOISES and synthetic sounds become data directories that augmentation can use."""

import numpy as np
import pytest
from corpora.sounds import make_musan, make_rirs

from nnet.audio.mixing import power
from nnet.audio.sounds import Sounds
from nnet.datadir.directory import DataDir
from nnet.datadir.validate import validate


def test_musan(local, tmp_path):
    make_musan(tmp_path / "musan")
    done = local("prepare_musan.py", tmp_path / "musan", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    for kind in ("noise", "music", "speech"):
        validate(tmp_path / f"data/musan_{kind}", feats=False, text=False)
    noise = DataDir(tmp_path / "data/musan_noise").wav_scp
    assert list(noise) == [f"noise-{s}-000{n}" for s in ("free-sound", "sound-bible") for n in (0, 1)]
    skipped = (tmp_path / "data/skipped_musan").read_text().splitlines()
    assert len(skipped) == 6 * 3 + 1
    assert "music/fma/ANNOTATIONS\tnot audio" in skipped


def test_other_folders_are_not_taken_for_musan(local, tmp_path):
    make_rirs(tmp_path / "rirs", count=1)
    assert "no recordings of MUSAN" in local("prepare_musan.py", tmp_path / "rirs", tmp_path / "data").stderr
    make_musan(tmp_path / "musan", count=1)
    (tmp_path / "musan/speech").rename(tmp_path / "elsewhere")
    assert "no speech/*/speech-*.wav found" in local("prepare_musan.py", tmp_path / "musan", tmp_path / "data").stderr
    assert "no RIRS_NOISES" in local("prepare_rirs.py", tmp_path / "musan", tmp_path / "data").stderr


@pytest.mark.parametrize("named", ["", "RIRS_NOISES", "RIRS_NOISES/simulated_rirs"])
def test_impulse_responses(local, tmp_path, named):
    make_rirs(tmp_path / "RIRS_NOISES")
    done = local("prepare_rirs.py", tmp_path / named, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    data = validate(tmp_path / "data", feats=False, text=False)
    assert len(data.wav_scp) == 6
    assert list(data.wav_scp)[0] == "mediumroom-medium-room001-00001"
    assert len(Sounds(tmp_path / "data", 16000).whole(0)) == 1600


def test_broken_lists_of_impulse_responses(local, tmp_path):
    make_rirs(tmp_path, rooms=("small",))
    assert "mediumroom/rir_list: missing" in local("prepare_rirs.py", tmp_path, tmp_path / "data").stderr
    only = ("prepare_rirs.py", "--rooms", "small", tmp_path, tmp_path / "data")
    (tmp_path / "simulated_rirs/smallroom/Room001/Room001-00002.wav").unlink()
    assert "1 of its 3 files are missing" in local(*only).stderr
    (tmp_path / "simulated_rirs/smallroom/rir_list").write_text("Room001/Room001-00001.wav x\n")
    assert "rir_list:1: expected --rir-id" in local(*only).stderr


def test_synthetic_sounds(local, tmp_path):
    options = ("--count", 2, "--seconds", 1.5, "--rooms", 3)
    done = local("make_sounds.py", *options, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    names, sounds = {}, {}
    for name in ("noises_train", "noises_test", "rooms"):
        validate(tmp_path / "data" / name, feats=False, text=False)
        sounds[name] = Sounds(tmp_path / "data" / name, 16000)
        names[name] = {sound.partition("-")[0] for sound in sounds[name].names}
    assert len(names["noises_train"]) == len(names["noises_test"]) == 4
    assert not names["noises_train"] & names["noises_test"], "a test has kinds that no training heard"
    for index, name in enumerate(sounds["noises_test"].names):
        samples = sounds["noises_test"].whole(index)
        assert len(samples) == 24000 and 0.5 < abs(samples).max() < 1 and power(samples) > 1e-4, name
    for index in range(3):
        response = sounds["rooms"].whole(index)
        assert np.argmax(np.abs(response)) == 0, "the direct sound is the highest peak"
        assert power(response[8000:]) < 0.05 * power(response[1:8000]), "and the rest dies away"

    local("make_sounds.py", *options, tmp_path / "again")
    local("make_sounds.py", *options, "--seed", 1, tmp_path / "other")
    first, again, other = ((tmp_path / d / "noises_test/wav").glob("*.wav") for d in ("data", "again", "other"))
    first, again, other = ([p.read_bytes() for p in sorted(paths)] for paths in (first, again, other))
    assert first == again
    assert not any(a == b for a, b in zip(first, other, strict=True))
