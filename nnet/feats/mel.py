"""Constant matrices of the features: mel filter bank, cosine transform, liftering."""

import numpy as np

from nnet.errors import InputError


def mel(frequency):
    """Converts a frequency in Hz to the mel scale, in float32."""
    return np.float32(1127) * np.log1p(np.asarray(frequency, np.float32) / np.float32(700))


def mel_bins(options):
    """Returns the weights of the triangular mel filters, float32 (padded_size // 2, num_mel_bins).

    The triangles are linear and equally spaced on the mel scale; the FFT bin at the Nyquist frequency is not used.
    Kaldi computes in float32, and the rounding is noticeable in narrow bins.
    """
    low, high = mel(options.low_freq), mel(options.highest)
    step = (high - low) / np.float32(options.num_mel_bins + 1)
    corners = low + step * np.arange(options.num_mel_bins + 2, dtype=np.float32)
    left, center, right = corners[:-2], corners[1:-1], corners[2:]
    bins = np.arange(options.padded_size // 2)
    place = mel(bins * options.sample_frequency / options.padded_size)[:, None]
    weights = np.minimum((place - left) / (center - left), (right - place) / (right - center))
    weights = np.maximum(weights, 0)
    empty = np.flatnonzero(weights.max(axis=0) == 0.0)
    if len(empty):
        raise InputError(
            f"num-mel-bins {options.num_mel_bins} is too large: mel bin {empty[0]} contains none of the "
            f"{len(bins)} FFT bins"
        )
    return weights


def cosine_transform(options):
    """Returns the orthonormal DCT-II with liftering, (num_mel_bins, num_ceps).

    The lifter of coefficient k is 1 + Q/2 sin(pi k / Q), where Q is the option cepstral_lifter.
    """
    count = options.num_mel_bins
    order = np.arange(options.num_ceps)
    matrix = np.sqrt(2 / count) * np.cos(np.pi / count * (np.arange(count)[:, None] + 0.5) * order)
    matrix[:, 0] = np.sqrt(1 / count)
    if options.cepstral_lifter:
        matrix *= 1 + 0.5 * options.cepstral_lifter * np.sin(np.pi * order / options.cepstral_lifter)
    return matrix
