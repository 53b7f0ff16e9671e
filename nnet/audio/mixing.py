"""What augmentation does to a waveform: reverberation, sounds added at a given level, another speed."""

from fractions import Fraction

import numpy as np
import scipy.fft

from nnet.audio.reading import convert_rate

STEP = 1 / 32768  # of 16-bit samples


def power(samples):
    """Mean square; without BLAS, so that it is the same to the bit in every process."""
    return np.einsum("i,i->", samples, samples, dtype=np.float64) / max(len(samples), 1)


def reverberate(samples, response):
    """The samples as heard through a room, in step with the dry ones and as loud.

    Args:
        samples: float32 (n,).
        response: impulse response of the room (m,); its highest peak, the direct sound, becomes time 0.

    Returns:
        float32 (n,), of the same energy.
    """
    length = scipy.fft.next_fast_len(len(samples) + len(response) - 1, real=True)
    spectrum = scipy.fft.rfft(samples, length)
    spectrum *= scipy.fft.rfft(np.asarray(response, np.float32), length)
    direct = int(np.argmax(np.abs(response)))
    wet = scipy.fft.irfft(spectrum, length)[direct : direct + len(samples)]
    loudness = power(wet)
    return wet * np.float32(np.sqrt(power(samples) / loudness)) if loudness > 0 else wet


def gain_for_snr(speech_power, sound, snr):
    """Factor of `sound` (n,) that puts it `snr` dB below speech of the given power."""
    return np.float32(np.sqrt(speech_power / (power(sound) * 10 ** (snr / 10))))


def change_speed(samples, speed):
    """The samples (n,) played `speed` times as fast, pitch included: float32 (ceil(n / speed),)."""
    ratio = Fraction(speed).limit_denominator(1000)
    return convert_rate(samples, ratio.numerator, ratio.denominator)


def fit_16_bits(samples):
    """The samples rounded to 16 bits, all of them made softer where the loudest would be clipped: float32 (n,).

    What is written to a file is then what was computed, and a mixture keeps its SNR.
    """
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak > 1 - STEP:
        samples = samples * np.float32((1 - STEP) / peak)
    return (np.rint(samples * np.float32(32768)) * np.float32(STEP)).astype(np.float32)
