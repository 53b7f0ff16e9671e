"""Segmentations of recordings: windows, the grid of frames, averages, speech; sets of speakers by hand-made cases."""

import numpy as np
import pytest
import soundfile

from nnet.audio.recording import open_recording
from nnet.diarization.segmentation import (
    Average,
    Grid,
    ModelSegmenter,
    Segmentation,
    SegmentationOptions,
    hysteresis,
    segment_recording,
)
from nnet.errors import InputError
from nnet.model.segmentation import SegmentationModel, save_segmentation
from nnet.networks.segmentation import SegmentationNet, speaker_sets
from nnet.networks.segmentation import SegmentationOptions as Sizes
from nnet.ops import mx

SMALL = Sizes(
    sample_rate=8000, seconds=0.5, filters=6, kernel=31, stride=4, channels=(5, 4), lstm_width=4, lstm_layers=1,
    linear_dims=(5,),
)  # fmt: skip


@pytest.fixture
def directory(tmp_path):
    mx.random.seed(1)
    net = SegmentationNet(SMALL)
    net.classifier.weight = 8 * net.classifier.weight
    save_segmentation(str(tmp_path / "model"), net, "random")
    return str(tmp_path / "model")


@pytest.fixture
def opened(tmp_path):
    def opened(seconds, rate=8000):
        samples = np.random.default_rng(0).normal(scale=0.1, size=round(seconds * rate))
        samples *= np.repeat(np.random.default_rng(1).uniform(0, 1, -(-len(samples) // 500)), 500)[: len(samples)]
        soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
        return open_recording(str(tmp_path / "a.wav"), rate, "a")

    return opened


def test_each_frame_is_the_mean_over_the_windows_that_have_it(directory, opened):
    """The same as one window after the other, each frame by hand."""
    model = SegmentationModel(directory, "mlx")
    recording = opened(1.83)
    found = segment_recording(model, recording, 0.1)
    audio = np.pad(recording.read(0, recording.num_samples), (0, 4000))
    assert found.samples.tolist() == list(range(0, 12000, 800)) and found.window == 4000
    before = model.first_center - model.frame_step / 2
    centers = model.first_center + model.frame_step * np.arange(found.grid.count)
    assert centers[-1] - model.frame_step / 2 < 1.83 * 8000 <= centers[-1] + model.frame_step / 2
    assert found.grid.start == before / 8000 and found.grid.step == model.frame_step / 8000
    sums, weights = np.zeros((2, found.grid.count))
    for i, start in enumerate(found.samples):
        expected = model.probabilities(audio[None, start : start + 4000])[0]
        assert found.sets[i].tolist() == expected.argmax(axis=1).tolist()
        for t, row in enumerate(expected):
            center = start + model.first_center + model.frame_step * t
            frame = int(np.abs(centers - center).argmin())
            if abs(centers[frame] - center) <= model.frame_step / 2:
                weight = 0.54 - 0.46 * np.cos(2 * np.pi * t / (len(expected) - 1))
                sums[frame] += weight * (1 - row[0])
                weights[frame] += weight
    np.testing.assert_allclose(found.speech, sums / weights, atol=1e-4)
    assert found.speech.std() > 0.005


@pytest.mark.parametrize("seconds", [0.001, 0.3, 0.5])
def test_a_recording_of_less_than_a_window_has_one(directory, opened, seconds):
    recording = opened(seconds)
    found = segment_recording(SegmentationModel(directory, "mlx"), recording, 0.5)
    assert len(found.samples) == 1
    assert found.grid.count == max(int(np.ceil((seconds - found.grid.start) / found.grid.step)), 0)
    assert not found.active(0)[found.grid.count :].any()
    assert found.counts().shape == found.speech.shape == (found.grid.count,)


def test_batches_do_not_matter(directory, opened):
    model = SegmentationModel(directory, "mlx")
    recording = opened(1.5)
    together = segment_recording(model, recording, 0.05)
    model.batch = 3
    apart = segment_recording(model, recording, 0.05)
    assert np.array_equal(together.sets, apart.sets)
    np.testing.assert_allclose(together.speech, apart.speech, atol=1e-6)


def test_counts_are_rounded_means_of_the_sizes_of_sets():
    sets = np.array([[0, 1, 4, 4], [4, 6, 0, 0], [2, 0, 0, 3]], np.uint8)  # windows at frames 0, 1 and 2 of 5
    found = Segmentation(Grid(0, 1, 5), 4, np.arange(3), np.arange(3), sets, speaker_sets(3, 2), np.zeros(5))
    # frame 0: 0; 1: 1 and 2; 2: 2, 2 and 1; 3: 2, 0 and 0; 4: 0 and 0; what lies beyond is left out
    assert found.counts().tolist() == [0, 2, 2, 1, 0]
    assert found.active(0).tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0]]
    assert found.active(2).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]  # frame 5 is beyond the end


def test_averages_have_weights_and_leave_out_what_is_beyond_the_end():
    mean = Average(4)
    mean.add(0, np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 3.0]))
    mean.add(2, np.array([5.0, 5.0, 5.0]), 1.0)
    np.testing.assert_allclose(mean.values(), [1, 2, (9 + 5) / 4, 5])
    assert Average(2).values().tolist() == [0, 0]


def test_speech_begins_above_onset_and_ends_below_offset():
    values = np.array([0.5, 0.6, 0.8, 0.6, 0.5, 0.3, 0.6, 0.71, 0.4])
    assert hysteresis(values, 0.7, 0.4).tolist() == [False, False, True, True, True, False, False, True, True]
    assert hysteresis(values, 0.5, 0.5).tolist() == [False, True, True, True, True, False, True, True, False]
    assert not len(hysteresis(values[:0], 0.5, 0.5))


def test_spans_are_those_of_the_frames():
    grid = Grid(0.5, 0.25, 6)
    assert grid.spans(np.array([1, 1, 0, 0, 1, 0], bool)).tolist() == [[0.5, 1.0], [1.5, 1.75]]
    assert grid.spans(np.zeros(6, bool)).shape == (0, 2)
    active = np.array([1, 1, 0, 0, 1, 0], bool)
    assert np.array_equal(grid.frames(grid.spans(active)), active)
    inside = grid.frames(np.array([[0.0, 0.62], [0.9, 1.2], [1.8, 9.0]]))
    assert inside.tolist() == [False, False, True, False, False, True]


def test_segments_of_speech_close_short_pauses(directory, opened):
    recording = opened(1.5)
    speech = segment_recording(SegmentationModel(directory), recording, 0.1).speech
    onset, offset = (float(share) for share in np.quantile(speech, (0.6, 0.5)))
    options = [SegmentationOptions(directory, 0.1, onset, offset, segmentation_pause=pause) for pause in (0, 0.05)]
    segments = [ModelSegmenter(option)(recording) for option in options]
    assert len(segments[0]) > len(segments[1]) > 0
    assert (segments[1][1:, 0] - segments[1][:-1, 1] > 0.05).all()


def test_what_cannot_be_is_refused(directory, opened):
    with pytest.raises(InputError, match="--vad model needs --segmentation MODELDIR"):
        ModelSegmenter(SegmentationOptions())
    with pytest.raises(InputError, match=r"offset \(0.6\) must not be above onset \(0.5\)"):
        SegmentationOptions(offset=0.6)
    model = SegmentationModel(directory, "mlx")
    recording = opened(0.5, 16000)
    with pytest.raises(InputError, match="takes 8000 Hz, the speaker model 16000 Hz"):
        segment_recording(model, recording)
    with pytest.raises(InputError, match="above the 0.5 s of a window"):
        segment_recording(model, opened(0.5), 0.6)
