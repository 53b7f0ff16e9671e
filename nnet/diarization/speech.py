"""Segments of speech in a recording: by energy, or given.

A segmenter is a function from a Recording to spans of speech, float64 (S, 2) in seconds, sorted and without overlap.
"""

import itertools
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation

from nnet.audio.recording import Recording
from nnet.datadir.directory import DataDir
from nnet.errors import InputError
from nnet.feats.options import MfccOptions
from nnet.feats.spectrum import log_energies
from nnet.options import option

Segmenter = Callable[[Recording], np.ndarray]

CONTEXT = 2  # frames around one above the threshold that are speech, too
NOISE_PERCENTILE = 5
MINUTE = 6000  # frames


@dataclass(frozen=True)
class EnergyOptions:
    """Options of speech segments by energy; the first two are named as in Kaldi's `compute-vad`."""

    vad_energy_threshold: float = option(5.5, "Constant term of the threshold of a frame's log energy.")
    vad_energy_mean_scale: float = option(0.5, "Weight of the recording's mean log energy in the threshold.", low=0)
    noise_margin: float = option(
        1.5,
        "Log energy by which speech is at least above the noise: the 5th percentile of two minutes.",
        low=0,
    )
    max_pause: float = option(0.5, "Seconds of silence that do not end a segment of speech.", low=0)
    min_speech: float = option(0.2, "Seconds of a segment of speech at least; shorter ones count as noise.", low=0)


def energy_segmenter(options: EnergyOptions = EnergyOptions()) -> Segmenter:
    """Returns the segmenter that compares the log energy of frames with a threshold.

    The threshold is that of Kaldi's compute-vad, vad_energy_threshold + vad_energy_mean_scale · (mean of the
    recording), or noise_margin above the noise where this is higher: Kaldi's constants are those of quiet recordings.
    The noise is that of the minute: eight hours of conversations in different noise had 5.3 % false alarms and 0.2 %
    missed with one level for all, 4.4 and 0.4 % with this one. On 60 simulated conversations of 157 readers, margins of
    1, 1.5, 2 and 2.5 led to DERs of 7.4, 6.3, 6.3 and 7.6 % and JERs of 7.6, 7.0, 8.5 and 9.8 %. As in Kaldi's recipes,
    a frame is speech if one of the five around it is above.
    """

    def segment(recording: Recording) -> np.ndarray:
        frames = MfccOptions(sample_frequency=float(recording.sample_rate), snip_edges=False)
        energies = log_energies(recording.samples, frames)
        if not len(energies):
            return np.zeros((0, 2))
        threshold = options.vad_energy_threshold + options.vad_energy_mean_scale * energies.mean(dtype=np.float64)
        above = energies > np.maximum(threshold, _noise(energies) + options.noise_margin)
        shift = frames.window_shift / recording.sample_rate  # at 11025 Hz a little less than 10 ms
        return spans_of_frames(binary_dilation(above, iterations=CONTEXT), shift, options.max_pause, options.min_speech)

    return segment


def _noise(energies):
    """The noise around each frame (frames,): a low percentile of its minute and of half a minute on each side."""
    bounds = np.linspace(0, len(energies), max(1, round(len(energies) / MINUTE)) + 1).astype(int)
    around = [energies[max(first - MINUTE // 2, 0) : stop + MINUTE // 2] for first, stop in itertools.pairwise(bounds)]
    return np.repeat([np.percentile(part, NOISE_PERCENTILE) for part in around], np.diff(bounds))


def spans_of_frames(voiced: np.ndarray, shift: float, max_pause: float, min_speech: float) -> np.ndarray:
    """Turns decisions for frames, bool (frames,), into spans of speech (S, 2).

    Args:
        voiced: bool (frames,); frame t lies at t to t + 1 shifts.
        shift: seconds between frames.
        max_pause: seconds of silence within a span at most.
        min_speech: seconds of a span at least, after pauses are closed.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(voiced, np.int8), [0]])))
    spans = edges.reshape(-1, 2) * shift
    return joined(spans, max_pause, min_speech)


def joined(spans: np.ndarray, max_pause: float = 0.0, min_speech: float = 0.0) -> np.ndarray:
    """Joins spans (S, 2), sorted by start, that overlap or are at most `max_pause` apart; drops those that stay short.

    Times are rounded to milliseconds, so that they survive a text file.
    """
    out: list[list[float]] = []
    for start, end in np.round(spans, 3):
        if out and start <= out[-1][1] + max_pause + 1e-9:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([start, end])
    kept = np.array(out, float).reshape(-1, 2)
    return kept[kept[:, 1] - kept[:, 0] >= max(min_speech, 1e-3) - 1e-9]


def given_segments(data: DataDir) -> dict[str, np.ndarray]:
    """Reads the file `segments` of a data directory as spans of each recording; overlapping ones are joined.

    An end of -1, the end of the recording, becomes infinity.
    """
    if data.segments is None:
        raise InputError(f"{data.file('segments')}: no such file; it gives the segments of speech")
    spans: dict[str, list[tuple[float, float]]] = {}
    for recording, start, end, _ in data.segments.values():
        spans.setdefault(recording, []).append((start, np.inf if end == -1 else end))
    return {recording: joined(np.array(sorted(times))) for recording, times in spans.items()}


def channels_of_segments(data: DataDir, recordings: Collection[str]) -> dict[str, int | None]:
    """Reads which channel the file `segments` of a data directory names for each of `recordings`; None: it names none.

    Raises:
        InputError: segments of one recording name different channels.
    """
    channels: dict[str, int | None] = {}
    for name, (recording, _, _, channel) in (data.segments or {}).items():
        if recording in recordings and channels.setdefault(recording, channel) != channel:
            raise InputError(
                f'{data.file("segments")}: "{name}": another channel than the segments of {recording} before it; only '
                "one channel of a recording can be diarized: give each an entry of its own in wav.scp"
            )
    return channels
