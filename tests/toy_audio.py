"""Recordings with speakers in them, small enough for a test."""

import numpy as np

from nnet.feats.options import FbankOptions

RATE = 8000
SPEAKERS = 4
OPTIONS = FbankOptions(sample_frequency=float(RATE), num_mel_bins=12, dither=0.0)


def tone(speaker, seed, seconds=1.5):
    """A buzz whose pitch is the speaker's, with noise: float32 (seconds * RATE,)."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * (120 + 35 * speaker) * k * time + rng.uniform(0, 6)) / k for k in range(1, 12))
    return (0.05 * (voice + rng.normal(size=len(time)))).astype(np.float32)
