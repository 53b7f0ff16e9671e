"""How much speech a recording holds."""

import numpy as np

from nnet.feats.options import MfccOptions
from nnet.feats.spectrum import log_energies
from nnet.feats.vad import VadOptions, energy_vad
from nnet.rows import Rows

# Of Kaldi's recipes for VoxCeleb: the same for all models, so that a second of speech means the same everywhere.
VAD = VadOptions(vad_energy_threshold=5.5, vad_proportion_threshold=0.12, vad_frames_context=2)


def voiced_frames(samples: Rows, sample_rate: int) -> np.ndarray:
    """Classifies the frames of a recording, one every 10 ms, as voiced or not: (n,) → bool (frames,)."""
    return energy_vad(log_energies(samples, _frames(sample_rate))[:, None], VAD)


def seconds_of_speech(samples: Rows, sample_rate: int) -> float:
    """Returns the seconds of speech in a recording: (n,) in [-1, 1)."""
    shift = _frames(sample_rate).window_shift / sample_rate  # at 11025 Hz a little less than 10 ms
    return float(voiced_frames(samples, sample_rate).sum() * shift)


def _frames(sample_rate):
    return MfccOptions(sample_frequency=float(sample_rate))
