"""Energy-based voice activity detection, as in Kaldi's `compute-vad`."""

import dataclasses

import numpy as np

from nnet.errors import InputError
from nnet.feats.conf import read_conf
from nnet.files import AnyPath
from nnet.options import option


@dataclasses.dataclass(frozen=True)
class VadOptions:
    """Options of `compute-vad`, with its names and defaults.

    >>> options = nnet.VadOptions(vad_energy_threshold=5.5, vad_frames_context=2)
    """

    vad_energy_threshold: float = option(5.0, "Constant term of the log-energy threshold.")
    vad_energy_mean_scale: float = option(0.5, "Weight of the utterance's mean log energy in the threshold.", low=0)
    vad_proportion_threshold: float = option(0.6, "A frame is voiced if this share of its context is above.", above=0)
    vad_frames_context: int = option(0, "Frames of context on each side.", low=0, high=10**6)

    def __post_init__(self) -> None:
        if self.vad_proportion_threshold >= 1:
            raise InputError(f"vad-proportion-threshold must be below 1, not {self.vad_proportion_threshold:g}")

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
    if len(feats) == 0:
        return np.zeros(0, bool)
    energy = feats[:, 0]
    # Kaldi compares in float32; a frame at the threshold must be classified the same way.
    mean = np.float32(energy.mean(dtype=np.float64))
    threshold = np.float32(options.vad_energy_threshold) + np.float32(options.vad_energy_mean_scale) * mean
    above = np.concatenate([[0], np.cumsum(energy > threshold)])
    times = np.arange(len(energy))
    first = np.maximum(times - options.vad_frames_context, 0)
    last = np.minimum(times + options.vad_frames_context + 1, len(energy))
    wanted = (last - first).astype(np.float32) * np.float32(options.vad_proportion_threshold)
    return above[last] - above[first] >= wanted
