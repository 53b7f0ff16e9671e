"""The preparation of the corpora: mini is the same every time, LibriSpeech-shaped folders become data directories."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from nnet.datadir.directory import DataDir
from nnet.kaldi.trials import read_trials


@pytest.fixture
def local(root, monkeypatch):
    """Runs a script of local/ with arguments."""
    monkeypatch.setenv("PYTHONPATH", str(root))

    def run(script, *arguments):
        command = [sys.executable, root / "local" / script, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    return run


def read_all(folder):
    return {p.name: soundfile.read(p) for p in sorted(folder.glob("*/*.wav"))}


def test_the_mini_corpus_is_the_same_every_time(local, tmp_path):
    pytest.importorskip("espeakng_loader")
    sizes = ["--num-speakers", 4, "--utterances", 2, "--num-parts", 2]
    for folder in ("one", "two"):
        for part in (1, 2):
            assert local("speak_mini.py", *sizes, "--part", part, tmp_path / folder).returncode == 0
    one, two = read_all(tmp_path / "one"), read_all(tmp_path / "two")
    assert list(one) == [f"spk{s:03d}-{u:03d}.wav" for s in range(4) for u in range(2)]
    for name, (samples, rate) in one.items():
        assert rate == 16000
        assert 1.5 < len(samples) / rate < 8
        assert 0.05 < np.abs(samples).max() < 1
        assert np.array_equal(samples, two[name][0])


def test_the_mini_corpus_becomes_data_directories(local, tmp_path):
    for speaker in ("spk000", "spk001", "spk002"):
        for number in range(5):
            path = tmp_path / "corpus" / speaker / f"{speaker}-{number:03d}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    done = local("prepare_mini.py", "--test-speakers", 2, tmp_path / "corpus", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert list(DataDir(tmp_path / "data/train").spk2utt) == ["spk000"]
    assert DataDir(tmp_path / "data/enroll").spk2utt["spk001"] == [f"spk001-{n:03d}" for n in range(3)]
    assert DataDir(tmp_path / "data/test").spk2utt["spk001"] == [f"spk001-{n:03d}" for n in (3, 4)]
    trials = read_trials(tmp_path / "data/test/trials")
    assert (len(trials), trials.target.sum()) == (8, 4)


@pytest.fixture
def librispeech(tmp_path):
    """A folder in LibriSpeech's layout: SUBSET/SPEAKER/CHAPTER/..., `seconds` of noise each."""

    def make(utterances):
        rng = np.random.default_rng(0)
        for (subset, speaker, number), seconds in utterances.items():
            path = tmp_path / "corpus" / subset / speaker / "7" / f"{speaker}-7-{number:04d}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, rng.normal(0, 0.1, int(seconds * 16000)), 16000)
        return tmp_path / "corpus"

    return make


def test_utterances_of_speakers_with_few_are_cut_into_pieces(local, librispeech, tmp_path):
    corpus = librispeech(
        {("train-clean-100", "11", n): 2.0 for n in range(4)}
        | {("train-other-500", "12", 0): 10.0, ("test-other", "21", 0): 5.0, ("test-other", "21", 1): 1.5}
        | {("test-other", "22", 0): 3.0}
    )
    done = local("prepare_librispeech.py", "--piece-seconds", 3, corpus, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert DataDir(tmp_path / "data/train").spk2utt["12"] == ["12-7-0000"]
    train = DataDir(tmp_path / "data/train_pieces")
    assert train.spk2utt["11"] == [f"11-7-000{n}" for n in range(4)], "whole, as there are enough"
    assert train.spk2utt["12"] == [f"12-7-0000-0{n}" for n in (1, 2, 3)]
    assert train.segments["12-7-0000-02"][:3] == ("12-7-0000", 3.333, 6.667)
    crops = DataDir(tmp_path / "data/test_2s").segments
    assert crops["21-7-0000"][:3] == ("21-7-0000", 1.5, 3.5)
    assert crops["21-7-0001"][:3] == ("21-7-0001", 0.0, 1.5)
    for name in ("test", "test_2s"):
        trials = read_trials(tmp_path / "data" / name / "trials")
        assert (len(trials), trials.target.sum()) == (3, 1)


def test_speakers_with_many_utterances_keep_them_whole(local, librispeech, tmp_path):
    corpus = librispeech({("train-a", "1", n): 1.0 for n in range(4)} | {("dev-b", "2", n): 1.0 for n in range(30)})
    done = local("prepare_librispeech.py", corpus, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "data/train_pieces").exists()
    test = DataDir(tmp_path / "data/test").spk2utt["2"]
    assert test == [f"2-7-{n:04d}" for n in range(0, 30, 3)], "ten of them, evenly spread"


def test_a_folder_without_subsets_is_one_clear_error(local, tmp_path):
    (tmp_path / "train-x").mkdir()
    done = local("prepare_librispeech.py", tmp_path, tmp_path / "data")
    assert done.returncode == 1
    assert "no train-*/SPEAKER/CHAPTER/*.flac" in done.stderr
