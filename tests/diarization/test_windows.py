"""Windows of speech, segments of speech by energy, and turns from labeled windows."""

import numpy as np
import pytest

from nnet.audio.recording import Recording
from nnet.diarization.clustering import Clusters
from nnet.diarization.resegmentation import ResegmentationOptions, label_speech, turns
from nnet.diarization.rttm import Turn
from nnet.diarization.speech import EnergyOptions, energy_segmenter, joined, spans_of_frames
from nnet.diarization.windows import WindowOptions, cut_windows, own_spans
from nnet.errors import InputError

RATE = 16000


def test_windows_start_every_period_and_the_last_one_ends_with_the_segment():
    segments = np.array([[1.0, 4.4], [5.0, 6.0], [7.0, 7.3], [8.0, 9.5]])
    windows, owners = cut_windows(segments, WindowOptions())
    expected = [[1, 2.5], [1.75, 3.25], [2.5, 4.0], [2.9, 4.4], [5, 6], [8, 9.5]]
    assert np.allclose(windows, expected) and owners.tolist() == [0, 0, 0, 0, 1, 3]


def test_windows_have_names_of_their_own():
    windows, _ = cut_windows(np.array([[0.0, 2.667]]), WindowOptions(window=2.0, period=0.6667))
    assert np.allclose(windows, [[0, 2], [0.6667, 2.6667]]), "to the millisecond, a third one would be the second"


def test_windows_of_wespeaker_are_options():
    windows, _ = cut_windows(
        np.array([[0.0, 2.0], [3.0, 3.3]]), WindowOptions(window=1.5, period=0.25, min_window=0.255)
    )
    assert np.allclose(windows, [[0, 1.5], [0.25, 1.75], [0.5, 2.0], [3, 3.3]])
    with pytest.raises(InputError, match="period"):
        WindowOptions(period=2.0)
    with pytest.raises(InputError, match="min-window"):
        WindowOptions(min_window=2.0)


def test_own_spans_cover_each_segment_once():
    rng = np.random.default_rng(0)
    edges = np.cumsum(rng.uniform(0.2, 9, size=40))
    segments = edges.reshape(-1, 2)
    windows, owners = cut_windows(segments, WindowOptions())
    spans = own_spans(segments, windows, owners)
    for i in set(owners.tolist()):
        own = spans[owners == i]
        assert own[0, 0] == segments[i, 0] and own[-1, 1] == segments[i, 1]
        assert np.array_equal(own[1:, 0], own[:-1, 1]) and (own[:, 0] < own[:, 1]).all()


def test_spans_of_frames_close_pauses_and_drop_clicks():
    voiced = np.array([0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 1, 0], bool)
    assert np.allclose(spans_of_frames(voiced, 0.1, 0.0, 0.0), [[0.1, 0.3], [0.4, 0.6], [1.0, 1.1]])
    assert np.allclose(spans_of_frames(voiced, 0.1, 0.1, 0.2), [[0.1, 0.6]])
    assert spans_of_frames(np.zeros(0, bool), 0.1, 0.1, 0.2).shape == (0, 2)
    assert joined(np.array([[0, 5], [1, 2], [4, 7.00004], [8, 8]])).tolist() == [[0, 7.0]]


@pytest.mark.parametrize("noise", [0.0, 1e-4, 0.01])
def test_speech_is_found_by_energy_at_any_level_of_noise(noise):
    rng = np.random.default_rng(0)
    samples = noise * rng.normal(size=12 * RATE)
    for start, end in ((2, 5), (8, 9)):
        samples[start * RATE : end * RATE] += 0.1 * rng.normal(size=(end - start) * RATE)
    recording = Recording("r", samples.astype(np.float32), RATE)
    assert np.allclose(energy_segmenter()(recording), [[2, 5], [8, 9]], atol=0.05)


def test_noise_that_grows_by_the_minute_is_no_speech():
    rng = np.random.default_rng(0)
    samples = rng.normal(size=4 * 60 * RATE) * np.repeat([0.001, 0.02], 2 * 60 * RATE)
    for start in (10, 230):
        samples[start * RATE : (start + 5) * RATE] += 0.1 * rng.normal(size=5 * RATE)
    found = energy_segmenter()(Recording("r", samples.astype(np.float32), RATE))
    inside = found[(found[:, 0] < 60) | (found[:, 0] > 180)]  # between, a minute has both kinds of noise
    assert np.allclose(inside, [[10, 15], [230, 235]], atol=0.05)


@pytest.mark.parametrize("samples", [np.zeros(RATE), 0.01 * np.random.default_rng(0).normal(size=RATE), np.zeros(50)])
def test_silence_noise_and_almost_nothing_have_no_speech(samples):
    recording = Recording("r", samples.astype(np.float32), RATE)
    assert energy_segmenter(EnergyOptions())(recording).shape == (0, 2)


def test_a_change_of_speaker_lies_where_the_scores_cross():
    segments = np.array([[0.0, 6.0], [7.0, 7.2]])
    windows, owners = cut_windows(segments, WindowOptions())
    middles = windows.mean(axis=1)
    clusters = Clusters((middles > 2.6).astype(int), np.stack([2.6 - middles, middles - 2.6], axis=1))
    spans, labels = label_speech(segments, windows, owners, clusters, ResegmentationOptions())
    assert np.allclose(spans, [[0, 2.6], [2.6, 6], [7, 7.2]], atol=0.03) and labels.tolist() == [0, 1, 1]
    spans, labels = label_speech(segments, windows, owners, clusters, ResegmentationOptions(resegment=False))
    assert np.allclose(spans[:, 0], [0, 2.625, 7]) and labels.tolist() == [0, 1, 1]


def test_a_short_turn_joins_the_better_neighbor():
    segments = np.array([[0.0, 3.0]])
    windows, owners = cut_windows(segments, WindowOptions(window=0.5, period=0.25))
    scores = np.zeros((len(windows), 3))
    scores[:5, 0], scores[5, 1], scores[6:, 2] = 1, 1.1, 1
    clusters = Clusters(scores.argmax(axis=1), scores)
    spans, labels = label_speech(segments, windows, owners, clusters, ResegmentationOptions(min_turn=0.1))
    assert labels.tolist() == [0, 1, 2]
    spans, labels = label_speech(segments, windows, owners, clusters, ResegmentationOptions(min_turn=0.5))
    assert labels.tolist() == [0, 2] and spans[0, 0] == 0 and spans[-1, 1] == 3


def test_speakers_are_numbered_as_they_are_heard():
    found = turns("r", np.array([[0, 1], [1, 2], [3, 4]]), np.array([4, 0, 4]))
    assert found == [Turn("r", 0, 1, "1"), Turn("r", 1, 2, "2"), Turn("r", 3, 4, "1")]
