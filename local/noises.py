"""Synthetic noises and room impulse responses, with different types for training and testing.

Every generator takes a numpy Generator, a number of samples n and a rate in Hz, and returns float64 (n,) of any level.
"""

import numpy as np
from numpy.fft import irfft, rfft, rfftfreq


def hiss(rng, n, rate):
    """Generates noise with a spectrum between white and brown and a slowly varying level."""
    slope = rng.uniform(0, 2)
    return shaped(rng, n, rate, lambda f: np.maximum(f, 20.0) ** (-slope / 2)) * wander(rng, n, rate, 2.0)


def hum(rng, n, rate):
    """Generates mains hum: a steady low tone and its harmonics."""
    phase = 2 * np.pi * np.cumsum(rng.uniform(45, 130) * (1 + 0.002 * wander(rng, n, rate, 1.0))) / rate
    gains = rng.exponential(size=30) / np.arange(1, 31) ** rng.uniform(0.5, 1.5)
    tones = sum(gain * np.sin(k * phase + rng.uniform(0, 6)) for k, gain in enumerate(gains, 1))
    return tones + 0.05 * rng.normal(size=n)


def bursts(rng, n, rate):
    """Generates short bursts of noise at random times."""
    return struck(rng, n, rate, rng.uniform(0, 1, rng.poisson(n / rate * rng.uniform(2, 8)) + 1), damped_noise)


def bands(rng, n, rate):
    """Generates bands of noise whose levels vary a few times per second."""
    time, sound = np.arange(n) / rate, np.zeros(n)
    for _ in range(3):
        center, width = np.exp(rng.uniform(np.log(150), np.log(6000))), rng.uniform(0.1, 0.5)
        band = shaped(rng, n, rate, lambda f, c=center, w=width: np.exp(-(((f - c) / (w * c)) ** 2)))
        sound += band / band.std() * (1 + np.sin(2 * np.pi * rng.uniform(1, 10) * time + rng.uniform(0, 6)))
    return sound


def sirens(rng, n, rate):
    """Generates a tone with a few harmonics that sweeps up and down."""
    sweep = np.sin(2 * np.pi * rng.uniform(0.15, 2) * np.arange(n) / rate + rng.uniform(0, 6))
    frequency = rng.uniform(400, 1200) * 2 ** (rng.uniform(0.3, 1) * sweep)
    phase = 2 * np.pi * np.cumsum(frequency) / rate
    return sum(np.sin(k * phase) / k for k in range(1, 5))


def knocks(rng, n, rate):
    """Generates periodic knocks with a fixed set of resonances, like a machine."""
    period = rng.uniform(0.1, 0.6)
    modes = np.exp(rng.uniform(np.log(200), np.log(5000), 5)), rng.uniform(0.02, 0.15, 5)
    times = np.arange(rng.uniform(0, period), n / rate, period) * rate / n

    def strike(rng, rate):
        time = np.arange(int(0.4 * rate))[:, None] / rate
        return np.sum(np.exp(-time / modes[1]) * np.sin(2 * np.pi * modes[0] * time), 1) * rng.uniform(0.7, 1)

    return struck(rng, n, rate, times, strike)


def melodies(rng, n, rate):
    """Generates plucked notes of a scale."""
    base, steps = rng.uniform(110, 330), np.array([0, 2, 4, 7, 9, 12, 14, 16])
    times = np.arange(0, n / rate, rng.uniform(0.15, 0.4)) * rate / n

    def pluck(rng, rate):
        frequency, time = base * 2 ** (rng.choice(steps) / 12), np.arange(rate) / rate
        return sum(np.exp(-3 * k * time) * np.sin(2 * np.pi * k * frequency * time) / k for k in range(1, 8))

    return struck(rng, n, rate, times, pluck)


def engines(rng, n, rate):
    """Generates rough pulses of varying rate, filtered by a broad resonance."""
    turns = np.cumsum(rng.uniform(15, 40) * 2 ** (2 * wander(rng, n, rate, 2.0))) / rate
    pulses = np.diff(np.floor(turns), prepend=0) * rng.uniform(0.5, 1, n) + 0.01 * rng.normal(size=n)
    center = rng.uniform(100, 800)
    return irfft(rfft(pulses) / (1 + ((rfftfreq(n, 1 / rate) - center) / center) ** 2), n)


def room(rng, n, rate, reverberation=None):
    """Generates a room impulse response: direct sound, early reflections, exponentially decaying noise.

    The reverberation time (60 dB) is `reverberation` seconds, or drawn from 0.15 to 0.8; the direct-to-reverberant
    ratio is -3 to 12 dB. The direct sound is the highest peak.
    """
    time = np.arange(n) / rate
    tail = shaped(rng, n, rate, lambda f: 1 / (1 + f / 2000))
    tail *= np.exp(-6.91 * time / (reverberation or rng.uniform(0.15, 0.8)))
    tail[: int(rng.uniform(0.005, 0.02) * rate)] = 0
    tail /= np.sqrt(np.sum(tail**2))
    for delay in rng.uniform(0.002, 0.05, 10):
        tail[int(delay * rate)] += rng.choice((-1, 1)) * rng.uniform(0.1, 0.5) * np.exp(-delay / 0.03)
    tail *= 10 ** (-rng.uniform(-3, 12) / 20) / np.sqrt(np.sum(tail**2))
    response = np.clip(tail, -0.9, 0.9)
    response[0] = 1.0
    return response


TRAINING = {"hiss": hiss, "hum": hum, "bursts": bursts, "bands": bands}
UNSEEN = {"sirens": sirens, "knocks": knocks, "melodies": melodies, "engines": engines}


def shaped(rng, n, rate, gain):
    """Filters white noise with the frequency response gain(Hz)."""
    return irfft(rfft(rng.normal(size=n)) * gain(rfftfreq(n, 1 / rate)), n)


def wander(rng, n, rate, seconds):
    """Generates a smooth random curve between 0 and 1 with a new target every `seconds`: (n,)."""
    aims = rng.uniform(0, 1, int(n / rate / seconds) + 3)
    place = np.arange(n) / rate / seconds
    first = place.astype(int)
    share = (1 - np.cos(np.pi * (place - first))) / 2
    return aims[first] * (1 - share) + aims[first + 1] * share


def struck(rng, n, rate, times, strike):
    """Adds up sounds strike(rng, rate) that start at `times`, given as shares of n."""
    sound = np.zeros(n)
    for first in (np.asarray(times) * n).astype(int):
        part = strike(rng, rate)[: n - first]
        sound[first : first + len(part)] += part
    return sound


def damped_noise(rng, rate):
    """Generates a burst of colored noise that decays in 5 to 100 ms."""
    n, slope = int(0.4 * rate), rng.uniform(0, 1.5)
    noise = shaped(rng, n, rate, lambda f: np.maximum(f, 50.0) ** (-slope / 2))
    return noise / noise.std() * np.exp(-np.arange(n) / rate / rng.uniform(0.005, 0.1)) * rng.uniform(0.3, 1)
