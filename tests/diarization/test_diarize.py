"""The pipeline from audio to RTTM, its files, and its answers where there is little to diarize."""

import logging
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from toy_conversation import CUT, HIGH, LOW, RATE, TALK, TRUTH, conversation, voice, write_model

import nnet
from nnet.audio.recording import Recording, open_recording
from nnet.bin import cluster as cluster_program
from nnet.bin import diarize_files
from nnet.bin.cluster_windows import main as cluster_windows
from nnet.bin.diarize import main as diarize
from nnet.bin.merge_diarization import main as merge
from nnet.diarization.embedding import embed_windows
from nnet.diarization.rttm import read_rttm
from nnet.errors import InputError
from nnet.kaldi.ark import write_ark
from nnet.kaldi.tables import read_table, read_utt2spk, write_table


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("models") / "none", "none")


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for i in range(3):
        soundfile.write(folder / f"talk{i}.wav", conversation(TALK, i), RATE)
    write_table(folder / "wav.scp", {f"talk{i}": folder / f"talk{i}.wav" for i in range(3)})
    return str(folder)


def check(turns, recording):
    assert [turn.speaker for turn in turns] == [speaker for *_, speaker in TRUTH]
    for turn, (start, end, _) in zip(turns, TRUTH, strict=True):
        assert turn.recording == recording
        assert abs(turn.start - start) < 0.3 and abs(turn.end - end) < 0.3


@pytest.mark.parametrize("cmvn", ["none", "utterance"])
def test_a_window_has_the_embedding_of_its_samples(tmp_path, cmvn):
    model = nnet.load_model(write_model(tmp_path / "model", cmvn))
    samples = conversation([(LOW, 70), (HIGH, 10)])
    windows = np.array([[0.5, 2.0], [1.25, 2.75], [40.0, 41.5], [60.0, 61.5], [61.0, 62.0], [78.499, 79.999]])
    vectors = embed_windows(model, Recording("r", samples, RATE), windows)
    for (start, end), vector in zip(windows, vectors, strict=True):
        alone = model.embed(samples[round(start * RATE) : round(end * RATE)], RATE)
        assert np.allclose(vector, alone, atol=1e-3 * np.abs(alone).max())


def test_a_sliding_mean_runs_over_the_speech_around_a_window(tmp_path):
    model = nnet.load_model(write_model(tmp_path / "model", "sliding"))
    samples = conversation([(LOW, 2), (HIGH, 2)])
    windows = np.array([[0.0, 1.5], [0.75, 2.25], [1.5, 3.0], [2.25, 3.75]])
    vectors = embed_windows(model, Recording("r", samples, RATE), windows)
    alone = [model.embed(samples[int(s * RATE) : int(e * RATE)], RATE) for s, e in windows]
    assert np.linalg.norm(vectors[0] - vectors[3]) > 3 * np.linalg.norm(alone[0] - alone[3])  # the mean hides the voice


def test_a_window_that_the_network_cannot_take_is_an_error(tmp_path, model_dir):
    with pytest.raises(InputError, match=r"r: a window of 0.05 s is too short: the network needs 9 frames"):
        embed_windows(nnet.load_model(model_dir), Recording("r", voice(LOW, 1, 0), RATE), np.array([[0, 0.05]]))


def test_a_recording_is_resampled_and_a_lower_rate_refused(tmp_path):
    low, high = str(tmp_path / "8.wav"), str(tmp_path / "48.wav")
    soundfile.write(low, voice(LOW, 1, 0), 8000)
    soundfile.write(high, np.tile(voice(LOW, 1, 0), 3), 48000)
    recording = open_recording(high, RATE, "r")
    assert (recording.num_samples, recording.seconds, len(recording.read(15990, 17000))) == (16000, 1.0, 10)
    with pytest.raises(InputError, match="8000 Hz, the model was trained on 16000 Hz"):
        open_recording(low, RATE, "r")


def test_jobs_together_write_what_another_clustering_reads(model_dir, data, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for job in "12":
        diarize([*CUT, "--job", job, "--num-jobs", "2", model_dir, data, str(out / f"xvector.{job}")])
    merge(["--nj", "2", str(out), str(out / "xvector")])
    found = read_rttm(out / "rttm")
    assert list(found) == ["talk0", "talk1", "talk2"]
    for name, turns in found.items():
        check(turns, name)
    assert len(nnet.DataDir(str(out / "speech")).segments) == 3 * 3
    assert read_table(out / "segments").keys() == read_table(out / "xvector.scp").keys()
    cluster_windows([*CUT, str(out), str(tmp_path / "again")])
    assert (tmp_path / "again").read_bytes() == (out / "rttm").read_bytes()
    cluster_windows(["--num-speakers", "1", str(out), str(tmp_path / "again")])
    assert {turn.speaker for turns in read_rttm(tmp_path / "again").values() for turn in turns} == {"1"}


def test_the_number_of_speakers_of_each_recording(model_dir, data, tmp_path):
    write_table(tmp_path / "reco2num_spk", {"talk0": 1, "talk1": 2, "talk2": 3})
    arguments = ["--reco2num-spk", str(tmp_path / "reco2num_spk"), "--min-cluster", "1"]
    diarize([*arguments, model_dir, data, str(tmp_path / "x")])
    found = read_rttm(tmp_path / "x.rttm")
    assert [len({turn.speaker for turn in turns}) for turns in found.values()] == [1, 2, 3]
    with pytest.raises(InputError, match="not both"):
        diarize([*arguments, "--num-speakers", "2", model_dir, data, str(tmp_path / "x")])
    write_table(tmp_path / "reco2num_spk", {"talk0": 1, "talk1": 0})
    with pytest.raises(InputError, match='reco2num_spk: "talk1" must have a number of speakers, 1 or more'):
        diarize([*arguments, model_dir, data, str(tmp_path / "x")])


def test_given_segments_are_the_speech(model_dir, data, tmp_path, caplog):
    write_table(
        os.path.join(data, "segments"),
        {"a": "talk0 1.5 6.5", "b": "talk0 6 6.75", "c": "talk0 21 -1", "d": "talk1 8 12.25", "e": "talk1 60 70"},
    )
    with caplog.at_level(logging.INFO):
        diarize([*CUT, model_dir, data, str(tmp_path / "x")])
    found = read_rttm(tmp_path / "x.rttm")
    spans = {name: [(turn.start, turn.end) for turn in turns] for name, turns in found.items()}
    assert spans["talk0"][0] == (1.5, 6.75) and spans["talk0"][1][0] == 21 and spans["talk0"][-1][1] == 24
    assert spans["talk1"] == [(8.0, 12.25)] and len(spans) == 2
    assert "1 of 3 recordings have no segments: talk2" in caplog.text
    assert "1 segments lie after its end at 24.00 s" in caplog.text
    diarize([*CUT, "--vad", "energy", model_dir, data, str(tmp_path / "x")])
    check(read_rttm(tmp_path / "x.rttm")["talk2"], "talk2")
    diarize(["--segments", data, model_dir, data, str(tmp_path / "y")])
    assert list(read_rttm(tmp_path / "y.rttm")) == ["talk0", "talk1"]
    with pytest.raises(InputError, match="segments: no such file; it gives the segments of speech"):
        diarize(["--segments", str(tmp_path), model_dir, data, str(tmp_path / "y")])


def test_the_channel_of_given_segments_is_heard(model_dir, data, tmp_path):
    both = np.stack([np.zeros(24 * RATE), conversation(TALK, 0)[: 24 * RATE]], axis=1)
    soundfile.write(os.path.join(data, "talk0.wav"), both, RATE)
    lines = {"a": "talk0 0 12 1", "b": "talk0 12 24 1"}
    write_table(os.path.join(data, "segments"), lines)
    diarize([*CUT, model_dir, data, str(tmp_path / "x")])
    assert len({turn.speaker for turn in read_rttm(tmp_path / "x.rttm")["talk0"]}) > 1
    write_table(os.path.join(data, "segments"), lines | {"c": "talk0 20 24 0"})
    with pytest.raises(InputError, match='segments: "c": another channel than the segments of talk0 before it'):
        diarize([model_dir, data, str(tmp_path / "x")])


BAD_SEGMENTS = [
    ({}, [], r"segments: none of its recordings \(none\) is in .*wav.scp \(talk0"),
    ({"a": "other 0 3"}, [], r"segments: none of its recordings \(other\) is in"),
    ({"a": "talk0 0 3"}, ["--vad", "energy", "--segments", "DATA"], "--segments says what is speech: omit --vad"),
]


@pytest.mark.parametrize("lines, options, message", BAD_SEGMENTS)
def test_segments_of_nothing_here_are_refused(model_dir, data, tmp_path, lines, options, message):
    write_table(os.path.join(data, "segments"), lines)
    with pytest.raises(InputError, match=message):
        diarize([*(data if word == "DATA" else word for word in options), model_dir, data, str(tmp_path / "x")])


def test_kept_windows_that_are_not_whole_are_refused(model_dir, data, tmp_path):
    diarize([*CUT, model_dir, data, str(tmp_path / "xvector.1")])
    merge(["--nj", "1", str(tmp_path), str(tmp_path / "xvector")])
    scp = (tmp_path / "xvector.scp").read_text().splitlines(keepends=True)
    (tmp_path / "xvector.scp").write_text("".join(scp[:-2]))
    with pytest.raises(InputError, match='xvector.scp: 2 of the windows are missing, such as "talk2-'):
        cluster_windows([str(tmp_path), str(tmp_path / "again")])
    for name in ("xvector.scp", "segments", "speech/segments"):
        (tmp_path / name).write_text("")
    with pytest.raises(InputError, match="speech/segments: no speech was found, or --overlap local kept no"):
        cluster_windows([str(tmp_path), str(tmp_path / "again")])


@pytest.mark.parametrize("method", ["ahc", "spectral"])
@pytest.mark.parametrize(
    "turns, message, expected",
    [
        ([(None, 3)], "no speech was found, so there are no turns", []),
        ([(None, 1), (LOW, 0.3), (None, 1)], "no piece of its .* taken as one speaker", [(1, 1.3)]),
        ([(None, 0.3), (LOW, 0.9), (None, 0.3)], "1 speakers in 1 turns", [(0.3, 1.2)]),
        ([(None, 1), (LOW, 20), (None, 1)], "1 speakers in 1 turns", [(1, 21)]),
    ],
    ids=["silence", "0.3 s of speech", "shorter than a window", "one speaker"],
)
def test_little_to_diarize(model_dir, tmp_path, caplog, capsys, method, turns, message, expected):
    path = str(tmp_path / "my talk.wav")
    soundfile.write(path, conversation(turns), RATE)
    with caplog.at_level(logging.INFO):
        diarize_files.main([*CUT, "--cluster", method, model_dir, path])
    words = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(w[1], w[7]) for w in words] == [("my_talk", "1")] * len(expected)
    for w, (start, end) in zip(words, expected, strict=True):
        assert abs(float(w[3]) - start) < 0.1 and abs(float(w[3]) + float(w[4]) - end) < 0.15
    assert re.search(message, caplog.text)


def test_two_voices_at_once_are_one_turn_of_somebody(model_dir, tmp_path, capsys):
    path = str(tmp_path / "both.wav")
    soundfile.write(path, conversation([(LOW, 8)]) + conversation([(HIGH, 8)]), RATE)
    diarize_files.main([*CUT, model_dir, path])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and lines[0].startswith("SPEAKER both 1 0.000 8.000 ")


def test_files_are_named_once_and_the_rttm_may_be_a_file(model_dir, tmp_path, capsys):
    (tmp_path / "a").mkdir()
    for path in (tmp_path / "x.wav", tmp_path / "a" / "x.wav"):
        soundfile.write(path, conversation(TALK), RATE)
    with pytest.raises(InputError, match='two files would be "x" in the RTTM'):
        diarize_files.main([model_dir, str(tmp_path / "x.wav"), str(tmp_path / "a" / "x.wav")])
    diarize_files.main([*CUT, "--out", str(tmp_path / "rttm"), model_dir, str(tmp_path / "x.wav")])
    check(read_rttm(tmp_path / "rttm")["x"], "x")
    assert capsys.readouterr().out == ""
    with pytest.raises(InputError, match="--cluster vbx needs --backend DIR with a PLDA"):
        diarize_files.main(["--cluster", "vbx", model_dir, str(tmp_path / "x.wav")])


def test_pseudo_speakers(tmp_path):
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(30, 16))
    names = [f"utt{i:03d}" for i in range(91)]
    vectors = [centers[i % 30] + 0.2 * rng.normal(size=16) for i in range(90)] + [-centers[3]]
    write_ark(str(tmp_path / "xvector.ark"), dict(zip(names, vectors, strict=True)), str(tmp_path / "xvector.scp"))
    cluster_program.main(["--threshold", "0.8", str(tmp_path), str(tmp_path / "utt2spk")])
    found = read_utt2spk(tmp_path / "utt2spk")
    assert len(set(found.values())) == 31 and found["utt000"] == "spk01"
    assert all(found[names[i]] == found[names[i % 30]] for i in range(90))
    cluster_program.main(["--num-speakers", "7", str(tmp_path), str(tmp_path / "utt2spk")])
    assert len(set(read_utt2spk(tmp_path / "utt2spk").values())) == 7


def test_the_scripts(root, model_dir, data, tmp_path):
    for name in ("steps", "utils", "path.sh"):
        (tmp_path / name).symlink_to(root / name)

    def run(*words):
        environment = {**os.environ, "SV_PYTHON": sys.executable}
        return subprocess.run(["bash", *words], cwd=tmp_path, env=environment, capture_output=True, text=True)

    done = run("steps/diarize.sh", "--nj", "2", "--max-speakers", "3", model_dir, data, "out")
    assert done.returncode == 0, done.stderr
    done = run("steps/cluster_windows.sh", "--max-speakers", "3", "out", "again")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again" / "rttm").read_bytes() == (tmp_path / "out" / "rttm").read_bytes()
    done = run("steps/cluster.sh", "--num-speakers", "2", "out", "pseudo")
    assert done.returncode == 0, done.stderr
    assert set(read_utt2spk(tmp_path / "pseudo" / "utt2spk").values()) == {"spk1", "spk2"}
