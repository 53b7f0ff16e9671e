"""Random voices, sentences and recording conditions of the mini corpus."""

from dataclasses import dataclass

import numpy as np
from numpy.fft import irfft, rfft

ACCENTS = ("en", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")
ROOM_SECONDS = 0.3  # of echo
FORMANTS = 9  # eSpeak NG numbers them from 0

# A sentence is one phrase of each block.
PHRASES = """
the teacher, my neighbour, an old sailor, the young doctor, our driver, a quiet student, the farmer, every visitor,
the night guard, her brother, a famous painter, the mayor, one of the children, the baker, his uncle, a tired nurse,
the captain, some stranger, the librarian, your sister, the engineer, a little boy, the whole family, no lawyer

found, wanted to see, carried, asked about, forgot, painted, sold, talked about, brought back, could not hear,
finally bought, looked for, described, kept, never liked, threw away, promised to fix, paid for, dreamed of, broke

the wooden boat, a yellow umbrella, seven green bottles, the broken clock, a letter from the coast, fresh bread,
the long road, a pair of shoes, an orange blanket, the key of the garden, some cheap furniture, the weather report,
five thousand books, a heavy suitcase, the village church, a photograph, the empty kitchen, two white horses,
a cup of coffee, the first chapter, a pocket full of coins, the noisy engine, an unusual question, the blue curtain

near the river, in the afternoon, after the storm, behind the station, before breakfast, on the third floor,
at the edge of town, during the summer, without a word, under the bridge, last Thursday, for no good reason,
across the valley, while it was raining, in front of the museum, as usual, with great care, by the fire
"""
BLOCKS = [" ".join(block.split()).split(", ") for block in PHRASES.split("\n\n")]


@dataclass(frozen=True)
class Voice:
    """Voice of a synthetic speaker."""

    accent: str
    rate: float  # words per minute
    variant: str  # other properties, as an eSpeak NG voice file


def draw_voice(rng, name):
    """Draws a voice: vocal tract length, pitch, pitch range, rate, accent and quality."""
    female = rng.random() < 0.5
    tract = rng.normal(1.14 if female else 1.0, 0.04)  # formants relative to eSpeak NG's default voice
    pitch = np.exp(rng.normal(np.log(190 if female else 112), 0.16))
    lines = [
        "language variant",
        f"name {name}",
        f"gender {'female' if female else 'male'}",
        f"pitch {pitch:.0f} {pitch * rng.uniform(1.3, 1.7):.0f}",
        f"flutter {rng.integers(1, 6)}",
        f"roughness {rng.integers(0, 4)}",
        f"consonants {rng.integers(70, 131)}",
        f"breath {' '.join(str(n) for n in rng.integers(0, 4, size=8))}",
    ]
    for formant in range(FORMANTS):
        frequency = 100 * tract * rng.normal(1, 0.04)
        lines.append(f"formant {formant} {frequency:.0f} {rng.integers(75, 121)} {rng.integers(85, 136)}")
    return Voice(str(rng.choice(ACCENTS)), float(rng.normal(172, 18)), "\n".join(lines) + "\n")


def draw_sentence(rng):
    """Draws a sentence of about ten words."""
    return " ".join(block[rng.integers(len(block))] for block in BLOCKS) + "."


def record(rng, speech, rate, out_rate):
    """Simulates a recording of clean speech with a random room, noise and channel.

    All effects and the resampling are products of spectra; frequencies above half of `out_rate` are removed.

    Args:
        speech: (n,) samples of any scale.
        rate, out_rate: input and output sampling rate in Hz, multiples of 50.

    Returns:
        (n * out_rate / rate + pauses,) float64 within [-1, 1].
    """
    before, after = rng.integers(int(0.15 * rate), int(0.4 * rate), size=2)
    length = before + len(speech) + after
    frames = smooth_size(-(-(length + int(ROOM_SECONDS * rate)) * 50 // rate))  # of 20 ms, whole in both rates
    frequencies = np.arange(frames * out_rate // 100 + 1) * 50 / frames
    loud = speech / (np.sqrt(np.mean(speech.astype(np.float64) ** 2)) + 1e-9)
    said = rfft(np.pad(loud, (before, 0)), frames * rate // 50)[: len(frequencies)] * (out_rate / rate)
    said *= rfft(_room(rng, out_rate), frames * out_rate // 50)
    noise = _noise(rng, frequencies) * np.sqrt(frames * out_rate // 50) * 10 ** (-rng.uniform(8, 25) / 20)
    heard = irfft((said + noise) * _channel(rng, frequencies), frames * out_rate // 50)[: length * out_rate // rate]
    return heard / np.abs(heard).max() * 10 ** (-rng.uniform(1, 20) / 20)


def smooth_size(least):
    """Returns an FFT-friendly length of at least `least`: 2^n, or 1.25, 1.5 or 1.75 times that."""
    quarter = 2 ** max(int(np.ceil(np.log2(least))) - 3, 0)
    return -(-least // quarter) * quarter


def _room(rng, rate):
    """Draws a room impulse response with a reverberation time (60 dB) of 0.1 to 0.5 s: (taps,)."""
    time = np.arange(int(ROOM_SECONDS * rate)) / rate
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / rng.uniform(0.1, 0.5))
    tail *= 10 ** (-rng.uniform(3, 15) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    return tail


def _channel(rng, frequencies):
    """Draws the channel gains at frequencies (Hz): band limits, tilt and ripple."""
    low, high = rng.uniform(50, 250), rng.uniform(3400, 7600)
    inner = np.linspace(low * 1.5, high * 0.9, 8)
    decibels = rng.uniform(-8, 4) * np.linspace(0, 1, 8) + rng.normal(0, 2.5, size=8)
    return 10 ** (np.interp(frequencies, [0, low * 0.5, *inner, high * 1.05], [-40, -25, *decibels, -35]) / 20)


def _noise(rng, frequencies):
    """Draws a noise spectrum with mean square 1 (numpy's scaling, divided by the square root of the length).

    Its power falls as 1/f^a above 30 Hz, with a from 0 (white) to 2 (brown).
    """
    spectrum = rng.standard_normal(2 * len(frequencies), np.float32).view(np.complex64)
    spectrum /= np.maximum(frequencies, 30) ** (rng.uniform(0, 2) / 2)
    return spectrum / np.sqrt(np.mean(np.abs(spectrum) ** 2))
