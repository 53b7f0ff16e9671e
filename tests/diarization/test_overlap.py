"""Overlapping turns from hand-made segmentations; embeddings of exclusive frames; then all of it, on tones."""

import itertools

import numpy as np
import pytest
import soundfile
from toy_checkpoint import make_checkpoint
from toy_conversation import write_segmentation

from nnet.audio.recording import open_recording
from nnet.bin.convert_checkpoint import main as convert
from nnet.bin.diarize import main as diarize
from nnet.bin.diarize_files import main as diarize_files
from nnet.diarization.clustering import ClusteringOptions
from nnet.diarization.overlap import (
    LocalSpeakers,
    add_second_speakers,
    assign,
    embed_local_speakers,
    hear,
    most_heard,
    speaker_scores,
    turns_of_local_speakers,
)
from nnet.diarization.rttm import Turn, read_rttm
from nnet.diarization.segmentation import Grid, Segmentation
from nnet.diarization.vbx import VbxOptions
from nnet.errors import InputError
from nnet.feats.front_end import FrontEnd
from nnet.networks.segmentation import speaker_sets
from nnet.ops import mx

NOBODY, A, B, C, AB, AC, BC = range(7)


def segmentation(sets, firsts, grid, window=0, samples=None):
    sets = np.array(sets, np.uint8)
    samples = np.zeros(len(sets), int) if samples is None else samples
    return Segmentation(grid, window, samples, np.array(firsts), sets, speaker_sets(3, 2), np.zeros(grid.count))


def test_speakers_of_a_window_share_a_cluster_only_where_it_has_more_of_them():
    scores = np.array([[0.9, 0.8], [0.8, 0.1], [0.2, 0.3], [0.9, 0.1], [0.7, 0.2], [0.3, 0.6]])
    # window 0: both fit cluster 0, the second one far better there; window 2 has three speakers for two clusters
    assert assign(np.array([0, 0, 1, 2, 2, 2]), scores).tolist() == [1, 0, 1, 0, 0, 1]


def test_windows_that_hear_a_speaker_are_counted():
    # Speaker numbers differ from window to window: A of window 0 is B of window 1.
    found = segmentation([[A, A, AB, AB], [B, AB, AB, NOBODY], [C, C, NOBODY, NOBODY]], [0, 1, 2], Grid(0, 1, 5))
    assert found.counts().tolist() == [1, 1, 2, 2, 0]
    heard = hear(found, np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 2]), np.array([0, 1, 1, 0, 0]), 3)
    assert heard.tolist() == [[1, 0, 0], [2, 0, 0], [3, 2, 0], [3, 2, 0], [0, 0, 0]]
    assert hear(found, np.array([1, 1]), np.array([0, 1]), np.array([2, 2]), 3)[:, 2].tolist() == [0, 1, 1, 1, 0]


def test_frames_have_as_many_speakers_as_counted_those_most_windows_hear():
    heard = np.array([[0, 2, 1], [3, 2, 1], [3, 0, 0], [0, 0, 0], [1, 1, 1]], np.uint16)
    chosen = most_heard(heard, np.array([1, 2, 2, 1, 4]))
    assert chosen.astype(int).tolist() == [[0, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 1, 1]]
    assert not most_heard(heard, np.zeros(5, int)).any()


def turn(start, end, speaker):
    return Turn("a", start, end, speaker)


def test_second_speakers_are_added_where_several_are_counted():
    # x talks from 0 to 6 s, y from 6 to 10 s; the windows hear both from 4 to 7 s, under changing numbers.
    sets = [[A] * 4 + [AB] * 3 + [B], [B, B, BC, BC, BC, C, C, C]]
    found = segmentation(sets, [0, 2], Grid(0, 1, 10))
    turns = [turn(0.0, 6.0, "x"), turn(6.0, 10.0, "y")]
    assert add_second_speakers(turns, found) == [turn(0.0, 7.0, "x"), turn(4.0, 10.0, "y")]


def test_where_nobody_has_a_turn_nobody_is_added_nor_a_speaker_without_turns():
    sets = [[A] * 4 + [AB] * 2 + [AC] * 2]
    found = segmentation(sets, [0], Grid(0, 1, 8))
    turns = [turn(0.0, 4.0, "x"), turn(6.0, 8.0, "x")]
    assert add_second_speakers(turns, found) == turns  # one speaker only
    turns = [turn(0.0, 4.0, "x"), turn(6.0, 7.0, "x"), turn(7.0, 8.0, "y")]
    # C shares one frame with y, and is heard with x from 6 to 8 s; B shares nothing, and 4 to 6 s have no turn
    assert add_second_speakers(turns, found) == [turn(0.0, 4.0, "x"), turn(6.0, 8.0, "x"), turn(6.0, 8.0, "y")]
    assert add_second_speakers([], found) == []


def test_those_who_hardly_talk_alone_make_no_cluster():
    rng = np.random.default_rng(0)
    voices = np.eye(3)[[0, 1, 0, 1, 0, 1, 0, 1, 2]] + 0.01 * rng.normal(size=(9, 3))
    voices[8] = [0.5, 0.4, 0.2]  # both at once
    speakers = LocalSpeakers(np.arange(9), np.zeros(9, int), np.array([90] * 8 + [3]), voices)
    scores = speaker_scores(speakers, 100, ClusteringOptions(threshold=0.9, min_cluster=1), None, VbxOptions())
    assert scores.shape == (9, 2) and scores.argmax(axis=1).tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    alone = LocalSpeakers(np.arange(2), np.zeros(2, int), np.array([3, 2]), voices[:2])
    assert speaker_scores(alone, 100, ClusteringOptions(), None, VbxOptions()).shape == (2, 1)


class Tones:
    """An embedder whose vector is the loudness of two bands: who of two voices, a low and a high tone, is heard."""

    dim = 2
    front_end = FrontEnd(
        {
            "type": "fbank",
            "options": {"sample_frequency": 8000.0, "num_mel_bins": 12, "dither": 0.0},
            "cmvn": "none",
            "silence_removed": False,
        }
    )

    def __init__(self):
        self.frames = []

    def embed_features(self, features):
        for key, feats in features:
            self.frames.append(len(feats))
            yield key, np.array([feats[:, :6].max(axis=1).mean(), feats[:, 6:].max(axis=1).mean()], np.float32) - 8


GRID = Grid(0.01, 0.02, 249)


@pytest.fixture
def conversation(tmp_path):
    """5 s at 8 kHz: low from 0 to 2.5 s, high from 2 to 5 s; and windows of 3 s every second with local speakers."""
    time = np.arange(40000) / 8000
    low, high = np.sin(2 * np.pi * 300 * time) * (time < 2.5), np.sin(2 * np.pi * 2500 * time) * (time >= 2)
    soundfile.write(tmp_path / "a.wav", 0.3 * (low + high), 8000, subtype="FLOAT")
    samples = np.array([0, 8000, 16000])
    firsts = np.round(samples / 160).astype(int)
    times = GRID.start + GRID.step * (firsts[:, None] + np.arange(149) + 0.5)
    is_low, is_high = times < 2.5, times >= 2
    sets = np.where(is_low & is_high, AB, np.where(is_low, A, B))
    sets[1] = np.where(sets[1] == AB, AB, np.where(sets[1] == A, B, A))  # the numbers are the other way round
    return open_recording(str(tmp_path / "a.wav"), 8000, "a"), segmentation(sets, firsts, GRID, 24000, samples)


def test_local_speakers_are_embedded_where_they_talk_alone(conversation):
    recording, found = conversation
    model = Tones()
    speakers = embed_local_speakers(model, recording, found)
    assert speakers.windows.tolist() == [0, 0, 1, 1, 2, 2] and speakers.numbers.tolist() == [0, 1] * 3
    # window 0: low alone for 2 s, high for 0.5 s; 1: high alone (its A) for 1.5 s; 2: low never alone
    assert np.abs(speakers.alone - np.array([100, 25, 75, 50, 0, 125])).max() <= 1
    assert np.abs(np.array(model.frames)[:4] - np.array([200, 50, 150, 100])).max() <= 3
    low = speakers.vectors[:, 0] > speakers.vectors[:, 1]
    assert low[[0, 3]].all() and not low[[1, 2, 5]].any()


def test_turns_of_a_conversation_overlap(conversation):
    recording, found = conversation
    clustering = ClusteringOptions(threshold=0.5, min_cluster=1)
    turns = turns_of_local_speakers(Tones(), recording, "a", found, clustering)
    assert [turn.speaker for turn in turns] == ["1", "2"]
    np.testing.assert_allclose([(t.start, t.end) for t in turns], [(0.01, 2.5), (2.0, 4.99)], atol=0.021)


def test_silence_has_no_turns(conversation, caplog):
    recording, found = conversation
    silent = segmentation(np.zeros_like(found.sets), found.firsts, GRID, 24000, found.samples)
    assert turns_of_local_speakers(Tones(), recording, "a", silent) == []
    assert "no speech was found" in caplog.text


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A speaker model and a segmentation model with random weights, and a data directory of one recording of 6 s."""
    folder = tmp_path_factory.mktemp("overlap")
    mx.random.seed(3)
    convert([make_checkpoint(folder / "weights.npz"), str(folder / "speaker")])
    write_segmentation(folder / "segmentation", said=AB)
    samples = np.random.default_rng(0).normal(scale=0.1, size=96000) * np.repeat([1, 0.1, 1, 0.3, 0.8, 1], 16000)
    soundfile.write(folder / "a.wav", samples, 16000)
    (folder / "data").mkdir()
    (folder / "data" / "wav.scp").write_text(f"a {folder / 'a.wav'}\n")
    return folder


@pytest.mark.parametrize("overlap", ["none", "added", "local"])
def test_both_programs_take_speech_and_overlap_from_a_model(models, overlap, tmp_path, capsys):
    options = ["--segmentation", str(models / "segmentation"), "--overlap", overlap, "--num-speakers", "2"]
    options += ["--vad", "model", "--min-cluster", "1"]
    diarize([*options, str(models / "speaker"), str(models / "data"), str(tmp_path / "out")])
    turns = read_rttm(tmp_path / "out.rttm")["a"]
    assert {turn.speaker for turn in turns} == {"1", "2"} and turns[-1].end <= 6.01
    both = sum(max(0, min(a.end, b.end) - max(a.start, b.start)) for a, b in itertools.combinations(turns, 2))
    assert (both > 0.1) == (overlap != "none")
    diarize_files([*options, str(models / "speaker"), str(models / "a.wav")])
    assert capsys.readouterr().out == (tmp_path / "out.rttm").read_text()


def test_options_that_do_not_fit_together_are_refused(models, tmp_path):
    ends = [str(models / "speaker"), str(models / "data"), str(tmp_path / "out")]
    with pytest.raises(InputError, match="--overlap added needs --segmentation MODELDIR"):
        diarize(["--overlap", "added", *ends])
    with pytest.raises(InputError, match="omit --segments and --vad energy"):
        diarize(["--overlap", "local", "--vad", "energy", "--segmentation", str(models / "segmentation"), *ends])
    with pytest.raises(InputError, match="not a segmentation model"):
        diarize(["--vad", "model", "--segmentation", str(models / "speaker"), *ends])
