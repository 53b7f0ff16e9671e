"""Checks between data directories, and trial lists made of one."""

import numpy as np
import pytest
import soundfile

from nnet.bin import check_data, make_trials
from nnet.datadir.checks import duplicate_audio
from nnet.datadir.derive import write_speakers
from nnet.datadir.directory import DataDir
from nnet.errors import InputError
from nnet.kaldi.tables import write_table
from nnet.kaldi.trials import read_trials, write_trials


@pytest.fixture
def make(tmp_path):
    """Makes a data directory of utterances `speaker-session-number` with `seconds` of noise each."""

    def make(name, utterances, seed=0, seconds=0.25):
        folder = tmp_path / name
        folder.mkdir()
        rng = np.random.default_rng([seed, *name.encode()])
        for utterance in utterances:
            soundfile.write(folder / f"{utterance}.wav", rng.normal(0, 0.1, int(seconds * 16000)), 16000)
        write_table(folder / "wav.scp", {u: folder / f"{u}.wav" for u in utterances})
        write_speakers(folder, {u: u.split("-")[0] for u in utterances})
        return folder

    return make


TRAIN = [f"s{s}-v{v}-{n}" for s in range(3) for v in range(2) for n in range(2)]
TEST = [f"t{s}-v{v}-{n}" for s in range(2) for v in range(3) for n in range(2)]


@pytest.fixture
def check(make, tmp_path):
    train, test = make("train", TRAIN), make("test", TEST)
    write_trials(tmp_path / "trials", [("t0-v0-0", "t0-v1-0", True), ("t0-v0-0", "t1-v1-0", False)])

    def check(*options):
        check_data.main(["--train", str(train), *map(str, options), str(test), str(tmp_path / "trials")])

    return check


def test_the_table(check, capsys):
    check("--session-prefix", "true")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1][1:] == ["3", "12", "6", "0.00", "0.25", "0.25"]
    assert lines[2][1:4] == ["2", "12", "6"]


def test_lengths_of_many_recordings_are_sampled(make, capsys):
    check_data.main(["--duplicates", "false", str(make("many", [f"a-b-{n:03d}" for n in range(150)]))])
    assert capsys.readouterr().out.splitlines()[1].split()[-3:] == ["~0.01", "~0.25", "~0.25"]


def test_shared_speakers_are_refused(check, tmp_path):
    write_speakers(tmp_path / "test", {u: "s1" if u == "t1-v2-1" else u[:2] for u in TEST})
    with pytest.raises(InputError, match="1 speakers are also in .*test, such as s1"):
        check()


def test_trials_without_audio_are_refused(check, tmp_path):
    write_trials(tmp_path / "trials", [("t0-v0-0", "t0-v9-9", True), ("t0", "t1-v0-0", False)])
    with pytest.raises(InputError, match="trials: 1 of its ids have no audio in .*test: t0-v9-9"):
        check()


def test_audio_of_training_in_the_test_is_refused(check, tmp_path):
    (tmp_path / "test/t0-v0-0.wav").write_bytes((tmp_path / "train/s0-v0-0.wav").read_bytes())
    with pytest.raises(InputError, match="train: s0-v0-0 is the same audio as t0-v0-0 in .*test$"):
        check()
    check("--duplicates", "false")


def test_audio_that_is_twice_in_a_set_is_named(check, tmp_path, caplog):
    (tmp_path / "train/s0-v0-0.wav").write_bytes((tmp_path / "train/s1-v0-0.wav").read_bytes())
    check()
    assert "1 recordings are duplicated under other names: s0-v0-0 = s1-v0-0" in caplog.text


def test_two_channels_of_a_file_are_two_recordings(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"same")
    one, two = (f"sph2pipe -c {c} {tmp_path}/a |" for c in (1, 2))
    assert duplicate_audio([{"a1": one, "a2": two, "b1": one.replace("/a |", "/b |")}]) == [[(0, "a1"), (0, "b1")]]


def test_trials_of_different_sessions_and_one_gender(make, tmp_path):
    data = make("dev", TEST + ["u0-v0-0"])
    write_table(data / "spk2gender", {"t0": "f", "t1": "f", "u0": "m"})
    make_trials.main(["--session-prefix", "true", str(data), str(tmp_path / "trials")])
    trials = read_trials(tmp_path / "trials")
    assert trials.target.sum() == 2 * (6 * 5 // 2 - 3), "pairs within a session are left out"
    assert len(trials) - trials.target.sum() == 36
    assert not any("u0" in name for name in trials.enroll_ids + trials.test_ids)
    make_trials.main(["--most", "10", str(data), str(tmp_path / "trials")])
    assert len(read_trials(tmp_path / "trials")) == 20
    assert DataDir(data).has("spk2gender")


def test_one_speaker_makes_no_trials(make, tmp_path):
    data = make("dev", ["a-v0-0", "a-v1-0"])
    with pytest.raises(InputError, match="its 1 speakers give no nontarget trial"):
        make_trials.main([str(data), str(tmp_path / "trials")])
