"""Speech-like audio for trees of corpora: what a network can tell speakers apart by, in milliseconds of work."""

import numpy as np
import soundfile


def voice(speaker, seconds, seed, rate=16000):
    """A buzz of the speaker's pitch through the speaker's formants, in syllables; (n,) float32.

    Args:
        speaker: a number; decides pitch and formants.
        seconds: length.
        seed: decides what is said.
        rate: samples a second.
    """
    own, said = np.random.default_rng(1000 + speaker), np.random.default_rng([speaker, seed])
    time = np.arange(int(seconds * rate)) / rate
    pitch = own.uniform(90, 250) * (1 + 0.1 * np.sin(2 * np.pi * said.uniform(0.5, 2) * time + said.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    centres, widths = own.uniform([300, 900, 2000], [800, 1900, 3400]), own.uniform(80, 250, 3)
    samples = np.zeros(len(time))
    for harmonic in range(1, 30):
        frequency = harmonic * pitch.mean()
        gain = np.sum(np.exp(-(((frequency - centres) / widths) ** 2) / 8)) + 0.05
        if frequency < rate / 2:
            samples += gain / np.sqrt(harmonic) * np.sin(harmonic * phase)
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * said.uniform(3, 5) * time)
    samples = samples * syllables + said.normal(0, 0.02, len(time))
    return (0.3 * samples / np.abs(samples).max()).astype(np.float32)


def write_wav(path, samples, rate=16000):
    """Writes 16 bits; makes the folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="PCM_16", format="WAV")
