"""Simulated conversations, and data directories for diarization of a user's own recordings."""

import importlib

import numpy as np
import pytest
import soundfile

from nnet.audio.reading import read_audio
from nnet.datadir.directory import DataDir
from nnet.datadir.validate import validate
from nnet.diarization.der import compare_turns
from nnet.diarization.rttm import Turn, read_rttm, write_rttm

RATE = 8000


def spoken(rng, seconds):
    """Speech-like noise: phrases of 0.5 to 1.5 s between pauses of 0.5 s, on a quiet background."""
    samples = 0.001 * rng.normal(size=int(seconds * RATE))
    intervals, end = [], 0.5
    while (start := end) + 2 < seconds:
        end = start + rng.uniform(0.5, 1.5)
        samples[int(start * RATE) : int(end * RATE)] += 0.1 * rng.normal(size=int(end * RATE) - int(start * RATE))
        intervals.append((start, end))
        end += 0.5
    return samples, intervals


@pytest.fixture
def corpus(tmp_path):
    """Four speakers with five recordings each, in LibriSpeech's layout."""
    rng = np.random.default_rng(0)
    for speaker in range(10, 14):
        folder = tmp_path / f"corpus/test-x/{speaker}/1"
        folder.mkdir(parents=True)
        for n in range(5):
            soundfile.write(folder / f"{speaker}-1-{n:04d}.flac", spoken(rng, 8)[0], RATE)
    return tmp_path / "corpus"


@pytest.fixture
def simulate(local, corpus, tmp_path):
    """Simulates four conversations; gives the data directory."""

    def run(out, *options):
        words = ["--count", 4, "--seconds", 20, "--sample-rate", RATE, *options, corpus / "test-x", tmp_path / out]
        done = local("simulate_conversations.py", *words)
        assert done.returncode == 0, done.stderr
        return tmp_path / out

    return run


def test_phrases_are_where_the_speech_is(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "local"))
    phrases = importlib.import_module("conversations").phrases
    samples, intervals = spoken(np.random.default_rng(1), 30)
    found = np.array(phrases(samples, RATE)) / RATE
    assert found == pytest.approx(np.array(intervals), abs=0.065)  # a frame, and 50 ms at each end
    assert phrases(np.zeros(RATE), RATE) == phrases(np.zeros(10), RATE) == []


def test_conversations(simulate):
    path = simulate("out")
    data = validate(path, feats=False, text=False)
    assert list(data.wav_scp) == [f"conversation-{n:04d}" for n in range(4)]
    turns = read_rttm(path / "rttm")
    assert turns.keys() == data.wav_scp.keys()
    counts = {name: str(len({turn.speaker for turn in turns[name]})) for name in turns}
    assert counts == data.table("reco2num_spk") and set(counts.values()) <= set("234")
    overlap = 0.0
    for name, found in turns.items():
        samples, rate = read_audio(data.wav_scp[name])
        seconds = len(samples) / rate
        assert float(data.table("reco2dur")[name]) == pytest.approx(seconds, abs=1e-3)
        assert max(turn.end for turn in found) < seconds and 20 < seconds < 30
        for one in found:  # nobody overlaps himself
            assert sum(o.speaker == one.speaker and o.start < one.end and one.start < o.end for o in found) == 1
        joined = [Turn(name, turn.start, turn.end, "all") for turn in found]
        errors = compare_turns(found, joined).errors
        overlap += errors.missed
        spoken = np.zeros(len(samples), bool)
        for turn in found:
            spoken[int(turn.start * rate) : int(turn.end * rate)] = True
        power = [np.mean(samples[where] ** 2) for where in (spoken, ~spoken)]
        assert power[0] > 3 * power[1], "the reference is where the recording is loud"
    assert overlap > 0


def test_the_oracle_has_the_speech_and_not_the_speakers(simulate):
    path = simulate("out")
    oracle = validate(path / "oracle", feats=False, text=False)
    assert set(oracle.utt2spk.values()) == oracle.wav_scp.keys()
    turns = read_rttm(path / "rttm")
    for name in turns:
        speech = [Turn(name, start, end, "x") for r, start, end, _ in oracle.segments.values() if r == name]
        assert all(one.end < other.start for one, other in zip(speech, speech[1:], strict=False))
        reference = [Turn(name, turn.start, turn.end, "x") for turn in turns[name]]
        errors = compare_turns(reference, speech).errors
        assert (errors.missed, errors.false_alarm) == (0, 0)


def test_the_seed_determines_conversations(simulate):
    one, same, other = simulate("a"), simulate("b"), simulate("c", "--seed", 1)
    files = [sorted(p.name for p in path.glob("wav/*")) for path in (one, same)]
    assert files[0] == files[1] and (one / "rttm").read_text() == (same / "rttm").read_text()
    assert all((one / "wav" / name).read_bytes() == (same / "wav" / name).read_bytes() for name in files[0])
    assert (one / "rttm").read_text() != (other / "rttm").read_text()
    more = simulate("d", "--count", 5)  # a conversation does not depend on how many there are
    assert (more / "rttm").read_text().startswith((one / "rttm").read_text())


def test_a_folder_of_subsets_gives_its_test_set(local, corpus, tmp_path):
    (corpus / "train-x/99/1").mkdir(parents=True)
    soundfile.write(corpus / "train-x/99/1/99-1-0000.flac", np.zeros(RATE), RATE)
    done = local("simulate_conversations.py", "--count", 1, "--seconds", 5, corpus, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {turn.speaker for turn in read_rttm(tmp_path / "out/rttm")["conversation-0000"]} < {"10", "11", "12", "13"}


def test_one_speaker_is_no_conversation(local, corpus, tmp_path):
    done = local("simulate_conversations.py", corpus / "test-x/10", tmp_path / "out")
    assert done.returncode == 1 and "has 0 speakers with SPEAKER/CHAPTER/*.flac; 2 or more are needed" in done.stderr


@pytest.fixture
def own(tmp_path):
    """A folder with two recordings of 10 s, a silent one, and the RTTM of a larger corpus."""
    path = tmp_path / "own"
    path.mkdir()
    for name in "abc":
        soundfile.write(path / f"{name}.wav", np.zeros(10 * RATE), RATE)
    (path / "wav.scp").write_text("".join(f"{name} {path}/{name}.wav\n" for name in "abc"))
    turns = [Turn("b", 3, 4, "x"), Turn("a", 1, 5, "x"), Turn("a", 4, 12, "y"), Turn("z", 0, 1, "x")]
    write_rttm(path / "rttm", turns)
    return path


def test_own_recordings(local, own, tmp_path):
    (own / "uem").write_text("a 1 0 10\nz 1 0 10\n")
    done = local("prepare_diarization.py", own, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    for what in (
        "rttm: left out 1 recordings not in wav.scp (z)",
        "uem: left out 1 recordings not in wav.scp (z)",
        "no turns of 1 recordings (c)",
        "turns end after the end of 1 recordings (a)",
    ):
        assert what in done.stderr
    data = validate(tmp_path / "out", feats=False, text=False)
    assert data.table("reco2dur") == dict.fromkeys("abc", "10.000")
    assert data.table("reco2num_spk") == {"a": "2", "b": "1", "c": "1"}
    assert {name: len(turns) for name, turns in read_rttm(tmp_path / "out/rttm").items()} == {"a": 2, "b": 1}
    oracle = DataDir(tmp_path / "out/oracle").segments
    assert [place[:3] for place in oracle.values()] == [("a", 1, 10), ("b", 3, 4)]
    assert (tmp_path / "out/uem").read_text() == "a 1 0.000 10.000\n"
    (own / "uem").unlink()
    local("prepare_diarization.py", own, tmp_path / "out")
    assert not (tmp_path / "out/uem").exists()


@pytest.mark.parametrize(
    "rttm, message",
    [
        ("SPEAKER z 1 0 1 <NA> <NA> x <NA> <NA>\n", "no recording is in wav.scp; do they have the same names?"),
        ("", "no recording is in wav.scp"),
        ("SPEAKER a 1 -1 1 <NA> <NA> x <NA> <NA>\n", "rttm:1: the start must be"),
        (None, "rttm: No such file or directory"),
    ],
)
def test_what_is_wrong_with_own_recordings_is_said_in_a_line(local, own, tmp_path, rttm, message):
    (own / "rttm").unlink()
    if rttm is not None:
        (own / "rttm").write_text(rttm)
    done = local("prepare_diarization.py", own, tmp_path / "out")
    assert done.returncode == 1 and message in done.stderr.splitlines()[-1]
