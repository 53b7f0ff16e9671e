"""Energy-based voice activity detection, as in Kaldi's `compute-vad`."""

import dataclasses

import numpy as np

from nnet.feats.conf import read_conf
from nnet.files import AnyPath
from nnet.options import check_ranges, option
from nnet.rows import Rows, blocks_of

STRETCH = 1 << 16  # frames that are decided at once


@dataclasses.dataclass(frozen=True)
class VadOptions:
    """Options of `compute-vad`, with its names and defaults.

    >>> options = nnet.VadOptions(vad_energy_threshold=5.5, vad_frames_context=2)
    """

    vad_energy_threshold: float = option(5.0, "Constant term of the log-energy threshold.")
    vad_energy_mean_scale: float = option(0.5, "Weight of the utterance's mean log energy in the threshold.", low=0)
    vad_proportion_threshold: float = option(
        0.6, "A frame is voiced if this share of its context is above.", above=0, below=1
    )
    vad_frames_context: int = option(0, "Frames of context on each side.", low=0, high=10**6)

    def __post_init__(self) -> None:
        check_ranges(self)

    @classmethod
    def from_conf(cls, path: AnyPath | None) -> "VadOptions":
        """Reads options from a Kaldi `.conf` file; None gives the defaults."""
        return read_conf(path, cls)


def energy_vad(feats: np.ndarray, options: VadOptions) -> np.ndarray:
    """Classifies every frame as voiced or not, from the log energy in the first dimension.

    A frame is voiced if at least vad_proportion_threshold of the frames within vad_frames_context of it have a log
    energy above vad_energy_threshold + vad_energy_mean_scale * (mean over the utterance).

    >>> samples, rate = nnet.read_audio("a.wav")
    >>> features = nnet.compute_mfcc(samples, nnet.MfccOptions())
    >>> speech = features[nnet.energy_vad(features, nnet.VadOptions())]

    Args:
        feats: float32 (frames, dim).

    Returns:
        bool (frames,).
    """
    return voiced_rows(feats, options)


def voiced_rows(feats: Rows, options: VadOptions) -> np.ndarray:
    """Returns what `energy_vad` does; the features may be longer than memory."""
    if len(feats) == 0:
        return np.zeros(0, bool)
    energy = np.concatenate([block[:, 0].copy() for block in blocks_of(feats)])  # a view would keep its block
    # Kaldi compares in float32; a frame at the threshold must be classified the same way.
    mean = np.float32(energy.mean(dtype=np.float64))
    threshold = np.float32(options.vad_energy_threshold) + np.float32(options.vad_energy_mean_scale) * mean
    above = np.zeros(len(energy) + 1, np.int32)
    np.cumsum(energy > threshold, out=above[1:])
    return np.concatenate([_enough(above, first, options) for first in range(0, len(energy), STRETCH)])


def _enough(above: np.ndarray, start: int, options: VadOptions) -> np.ndarray:
    """Returns for up to STRETCH frames from `start` on whether enough of their context is above the threshold.

    Args:
        above: the number of frames above it before each frame, and at the end.
    """
    times = np.arange(start, min(start + STRETCH, len(above) - 1))
    first = np.maximum(times - options.vad_frames_context, 0)
    last = np.minimum(times + options.vad_frames_context + 1, len(above) - 1)
    wanted = (last - first).astype(np.float32) * np.float32(options.vad_proportion_threshold)
    return above[last] - above[first] >= wanted
