"""Signal processing for augmentation: reverberation, mixing at a given SNR, change of speed."""

from fractions import Fraction

import numpy as np
import scipy

from nnet.audio.reading import convert_rate

STEP = 1 / 32768  # quantization step of 16-bit samples


def power(samples):
    """Computes the mean square of samples (n,); without BLAS, so that every process gets identical bits."""
    return np.einsum("i,i->", samples, samples, dtype=np.float64) / max(len(samples), 1)


def reverberate(samples, response):
    """Convolves samples with a room impulse response, without delay and with the same energy.

    Args:
        samples: float32 (n,).
        response: impulse response (m,); its highest peak, the direct sound, is time 0.

    Returns:
        float32 (n,).
    """
    length = scipy.fft.next_fast_len(len(samples) + len(response) - 1, real=True)
    spectrum = scipy.fft.rfft(samples, length)
    spectrum *= scipy.fft.rfft(np.asarray(response, np.float32), length)
    direct = int(np.argmax(np.abs(response)))
    wet = scipy.fft.irfft(spectrum, length)[direct : direct + len(samples)]
    loudness = power(wet)
    return wet * np.float32(np.sqrt(power(samples) / loudness)) if loudness > 0 else wet


def gain_for_snr(speech_power, sound, snr):
    """Returns the gain that puts `sound` (n,) `snr` dB below speech of the given power."""
    return np.float32(np.sqrt(speech_power / (power(sound) * 10 ** (snr / 10))))


def change_speed(samples, speed):
    """Changes the speed and pitch of samples (n,) by a factor: float32 (ceil(n / speed),)."""
    ratio = Fraction(speed).limit_denominator(1000)
    return convert_rate(samples, ratio.numerator, ratio.denominator)


def fit_16_bits(samples):
    """Rounds samples to 16 bits and scales them down if they would clip: float32 (n,).

    A 16-bit file then stores them exactly, and a mixture keeps its SNR.
    """
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak > 1 - STEP:
        samples = samples * np.float32((1 - STEP) / peak)
    return (np.rint(samples * np.float32(32768)) * np.float32(STEP)).astype(np.float32)
