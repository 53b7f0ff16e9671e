"""How much speech a recording holds."""

import numpy as np

from nnet.feats.options import MfccOptions
from nnet.feats.spectrum import log_energies
from nnet.feats.vad import VadOptions, energy_vad

# Of Kaldi's recipes for VoxCeleb: the same for all models, so that a second of speech means the same everywhere.
VAD = VadOptions(vad_energy_threshold=5.5, vad_proportion_threshold=0.12, vad_frames_context=2)


def voiced_frames(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Classifies the frames of a recording, 100 a second, as voiced or not by their energy: (n,) → bool (frames,)."""
    options = MfccOptions(sample_frequency=float(sample_rate))
    return energy_vad(log_energies(samples, options)[:, None], VAD)


def seconds_of_speech(samples: np.ndarray, sample_rate: int) -> float:
    """Returns the seconds of speech in a recording: (n,) in [-1, 1)."""
    return float(voiced_frames(samples, sample_rate).sum() / 100)
