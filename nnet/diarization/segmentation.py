"""Who of a few speakers talks when in each window of a recording, by a segmentation model; segments of speech from it.

Windows of ten seconds every second overlap, so that each moment is judged ten times. Frames of all windows are put on
one grid of the recording, each where it is nearest (Bredin 2023, "pyannote.audio 2.1 speaker diarization pipeline",
section 2).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nnet.audio.recording import Recording
from nnet.diarization.speech import joined
from nnet.errors import InputError
from nnet.model.segmentation import SegmentationModel
from nnet.options import option
from nnet.progress import progress


@dataclass(frozen=True)
class SegmentationOptions:
    """Options of a segmentation model (--vad model, --overlap added, --overlap local)."""

    segmentation: str | None = option(None, "Model directory of a segmentation model, as convert_checkpoint makes it.")
    segmentation_step: float = option(1.0, "Seconds between the starts of two windows of the segmentation.", above=0)
    onset: float = option(0.5, "Mean probability of speech above which a segment begins (--vad model).", low=0, high=1)
    offset: float = option(0.5, "Mean probability of speech below which it ends (--vad model).", low=0, high=1)
    segmentation_pause: float = option(
        0.2, "Seconds of silence that do not end a segment (--vad model) or a turn (--overlap added, local).", low=0
    )
    local_threshold: float = option(0.5, "--threshold for the embeddings of local speakers (--overlap local).")

    def __post_init__(self) -> None:
        if self.offset > self.onset:
            raise InputError(f"offset ({self.offset:g}) must not be above onset ({self.onset:g})")


@dataclass(frozen=True)
class Grid:
    """Frames of a whole recording: frame i lies at `start` + i to i + 1 times `step`, in seconds; there are `count`."""

    start: float
    step: float
    count: int

    def spans(self, active: np.ndarray) -> np.ndarray:
        """Returns the spans (S, 2) in seconds of runs of true values, bool (count,)."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(active, np.int8), [0]])))
        return self.start + self.step * edges.reshape(-1, 2)

    def frames(self, spans: np.ndarray) -> np.ndarray:
        """Returns which frames have their middle in one of the spans (S, 2) in seconds: bool (count,)."""
        edges = np.ceil((np.asarray(spans) - self.start) / self.step - 0.5).astype(int)
        inside = np.zeros(self.count, bool)
        for first, stop in np.clip(edges, 0, self.count):
            inside[first:stop] = True
        return inside


@dataclass(frozen=True)
class Segmentation:
    """What a segmentation model says about a recording.

    Attributes:
        grid: frames of the recording.
        samples: first sample of each window, int (W,), of which each has `window`.
        firsts: frame of the grid on which the first frame of each window lies, int (W,).
        sets: number of the most probable set of speakers in each frame of each window, uint8 (W, T).
        members: the speakers of each set, bool (K, S); they are others in each window.
        speech: mean probability of speech in each frame of the grid, float32 (grid.count,).
    """

    grid: Grid
    window: int
    samples: np.ndarray
    firsts: np.ndarray
    sets: np.ndarray
    members: np.ndarray
    speech: np.ndarray

    def active(self, window: int) -> np.ndarray:
        """Returns who talks when in a window: bool (T, S); frames beyond the end of the recording are silent."""
        active = self.members[self.sets[window]]
        active[max(self.grid.count - self.firsts[window], 0) :] = False
        return active

    def counts(self) -> np.ndarray:
        """Returns how many speakers talk in each frame of the grid: the rounded mean over the windows, int (count,)."""
        mean = Average(self.grid.count)
        sizes = self.members.sum(axis=1)
        for first, sets in zip(self.firsts, self.sets, strict=True):
            mean.add(first, sizes[sets])
        return np.rint(mean.values()).astype(int)


class Average:
    """The weighted mean over windows of what they say about each frame of a grid."""

    def __init__(self, count: int) -> None:
        self._sums, self._weights = np.zeros(count, np.float32), np.zeros(count, np.float32)

    def add(self, first: int, values: np.ndarray, weights: np.ndarray | float = 1.0) -> None:
        """Adds a window: values (T,) from frame `first` on; what lies beyond the grid is left out."""
        stop = max(min(first + len(values), len(self._sums)), first)
        weights = np.broadcast_to(weights, values.shape)[: stop - first]
        self._sums[first:stop] += values[: stop - first] * weights
        self._weights[first:stop] += weights

    def values(self) -> np.ndarray:
        """Returns the means, float32 (count,); 0 where no window was added."""
        return self._sums / np.maximum(self._weights, 1e-12)


def segment_recording(model: SegmentationModel, recording: Recording, step: float = 1.0) -> Segmentation:
    """Runs a segmentation model over a recording, a batch of windows after the other.

    Of the probabilities only the most probable set of speakers is kept, and the probability of speech, added up with
    Hamming weights, since a window knows least about its ends: 17 MB and 14 MB for eight hours with a step of 1 s.

    Args:
        model: a SegmentationModel.
        recording: a Recording at the model's sampling rate.
        step: seconds between the starts of two windows; the last window is filled with zeros.

    Raises:
        InputError: another sampling rate, or a step above the length of a window.
    """
    rate = model.options.sample_rate
    if recording.sample_rate != rate:
        raise InputError(
            f"{recording.name}: the segmentation model takes {rate} Hz, the speaker model {recording.sample_rate} Hz"
        )
    if step > model.options.seconds:
        raise InputError(f"--segmentation-step {step:g} is above the {model.options.seconds:g} s of a window")
    grid = _grid(model, recording.num_samples)
    samples = _starts(recording.num_samples, model.window, max(round(step * rate), 1))
    firsts = np.round(samples / model.frame_step).astype(int)
    sets = np.zeros((len(samples), model.frames), np.uint8)
    speech, hamming = Average(grid.count), np.hamming(model.frames)
    windows = _windows(model, recording, samples)
    for i, found in enumerate(progress(windows, len(samples), f"{recording.name}: segmentation", "windows")):
        sets[i] = found.argmax(axis=1)
        speech.add(firsts[i], 1 - found[:, 0], hamming)
    return Segmentation(grid, model.window, samples, firsts, sets, model.sets, speech.values())


class ModelSegmenter:
    """A segmenter of `nnet.diarization.speech` that asks a segmentation model.

    The Segmentation of the last recording is kept, since speech and overlap both ask for it.

    Raises:
        InputError: no model is given, which the message says `needed_by` an option, or it is none of this kind.
    """

    def __init__(self, options: SegmentationOptions, needed_by: str = "--vad model") -> None:
        if options.segmentation is None:
            raise InputError(
                f"{needed_by} needs --segmentation MODELDIR: convert pyannote's segmentation-3.0 with "
                "convert_checkpoint (docs/pretrained.md)"
            )
        self.options = options
        self._model = SegmentationModel(options.segmentation)
        self._last: tuple[Recording, Segmentation] | None = None

    def segmentation(self, recording: Recording) -> Segmentation:
        """Returns the Segmentation of a Recording."""
        if self._last is None or self._last[0] is not recording:
            self._last = recording, segment_recording(self._model, recording, self.options.segmentation_step)
        return self._last[1]

    def __call__(self, recording: Recording) -> np.ndarray:
        """Returns the spans of speech (S, 2)."""
        found = self.segmentation(recording)
        spans = found.grid.spans(hysteresis(found.speech, self.options.onset, self.options.offset))
        return joined(spans, self.options.segmentation_pause)


def hysteresis(values: np.ndarray, onset: float, offset: float) -> np.ndarray:
    """Returns where values (N,) are on: from above `onset` until below `offset`; bool (N,)."""
    known = (values > onset) | (values < offset)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return (last >= 0) & (values > onset)[last]


def _grid(model, num_samples):
    """The frames whose first sample lies in the recording."""
    before = model.first_center - model.frame_step / 2
    rate = model.options.sample_rate
    count = max(int(np.ceil((num_samples - before) / model.frame_step)), 0)
    return Grid(before / rate, model.frame_step / rate, count)


def _starts(num_samples, window, step):
    """First samples of windows every step, of which only the last one may reach beyond the recording."""
    return step * np.arange(1 - (min(window - num_samples, 0) // step))


def _windows(model, recording, samples) -> Iterator[np.ndarray]:
    """Yields the probabilities (T, K) of each window."""
    for i in range(0, len(samples), model.batch):
        starts = samples[i : i + model.batch]
        audio = recording.read(int(starts[0]), int(starts[-1]) + model.window)
        audio = np.pad(audio, (0, int(starts[-1] - starts[0]) + model.window - len(audio)))
        yield from model.probabilities(np.stack([audio[s : s + model.window] for s in starts - starts[0]]))
