"""Log mel spectra as PyTorch front ends compute them, whose pre-emphasis is over the whole signal.

tfmel: the front end of WeSpeaker's ReDimNet2, and one of the two of ReDimNet's authors. Frames begin half a shift
    before the signal, which has zeros around it; a symmetric Hamming window; triangles that are linear in mel. The
    power of an FFT bin and the energy of a mel bin are at least `offset`, which is added once more before the log.
torchaudio: `torchaudio.transforms.MelSpectrogram` behind a pre-emphasis. Frame t is centered at sample t · shift, and
    the signal is reflected at its ends, the end sample not repeated; a periodic Hamming window; triangles that are
    linear in Hz. `offset` is added before the log.
"""

import functools
from collections.abc import Iterator

import numpy as np
import scipy

from nnet.feats.options import MelOptions
from nnet.rows import Rows

BLOCK = 160  # frames at once
STRETCH = 1 << 20  # samples at once for the mean and the variance of a signal


def mel_blocks(samples: Rows, options: MelOptions) -> Iterator[np.ndarray]:
    """Yields the features of a recording, rows (n,) in [-1, 1): blocks (frames, num_mel_bins) float32, at least one."""
    count, shift, size = options.num_frames(len(samples)), options.window_shift, options.window_size
    if not count:
        yield np.zeros((0, options.dim), np.float32)
        return
    signal = _Emphasized(samples, options)
    for first in range(0, count, BLOCK):
        start = options.first_sample + first * shift
        stop = start + (min(BLOCK, count - first) - 1) * shift + size
        yield _log_mels(np.lib.stride_tricks.sliding_window_view(signal.read(start, stop), size)[::shift], options)


class _Emphasized:
    """A signal after normalization and pre-emphasis y[i] = x[i] - c x[i-1], with x[-1] = x[1], and beyond its ends."""

    def __init__(self, samples, options):
        self.samples, self.options = samples, options
        self.mean, self.scale = _mean_and_scale(samples, options) if options.normalize_signal else (0.0, 1.0)

    def read(self, start, stop):
        """Returns y[start:stop], float32."""
        length = len(self.samples)
        first, last = max(start, 0), min(stop, length)
        if self.options.layout == "tfmel":
            return np.pad(self._inside(first, last), (first - start, stop - last))
        places = _mirrored(np.arange(start, stop), length)
        return self._inside(places.min(), places.max() + 1)[places - places.min()]

    def _inside(self, start, stop):
        x = np.asarray(self.samples[max(start - 1, 0) : stop], np.float32)
        if start == 0:
            x = np.concatenate([np.asarray(self.samples[1:2], np.float32), x])
        x = (x - np.float32(self.mean)) * np.float32(self.scale)
        return x[1:] - np.float32(self.options.preemphasis_coefficient) * x[:-1]


def _mean_and_scale(samples, options):
    """Returns the mean of a signal, and one over the sum of its standard deviation and `offset`."""
    starts = range(0, len(samples), STRETCH)
    mean = sum(samples[i : i + STRETCH].sum(dtype=np.float64) for i in starts) / len(samples)
    variance = sum(np.square(samples[i : i + STRETCH] - mean, dtype=np.float64).sum() for i in starts) / len(samples)
    return mean, 1 / (np.sqrt(variance) + options.offset)


def _mirrored(places, length):
    """Maps indices outside 0..length-1 inside by reflection, the end sample not repeated."""
    places = np.abs(places) % (2 * length - 2)
    return np.minimum(places, 2 * length - 2 - places)


def _log_mels(frames, options):
    window, filters = window_and_mels(options)
    spectrum = scipy.fft.rfft(frames * window, options.fft_size, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    if options.layout == "torchaudio":
        return np.log(power @ filters + np.float32(options.offset))
    least = np.float32(options.offset)
    mels = np.clip(power[:, :-1], least, 1 / least) @ filters
    return np.log(np.clip(mels, least, 1 / least) + least)


@functools.lru_cache(maxsize=8)
def window_and_mels(options):
    """Returns the window (window_size,) and the mel filters (FFT bins, num_mel_bins), float32."""
    size, nyquist = options.window_size, options.sample_frequency / 2
    periodic = options.layout == "torchaudio"
    phase = 2 * np.pi * np.arange(size) / (size if periodic else size - 1)
    points = np.linspace(_mel(options.low_freq), _mel(options.highest), options.num_mel_bins + 2)
    if periodic:  # the triangles are linear in Hz
        points, places = 700 * (10 ** (points / 2595) - 1), np.linspace(0, nyquist, options.fft_size // 2 + 1)
    else:  # in mel, and the last bin is taken for the Nyquist frequency
        places = _mel(np.linspace(0, nyquist, options.fft_size // 2))
    left, center, right = points[:-2], points[1:-1], points[2:]
    places = places[:, None]
    weights = np.maximum(np.minimum((places - left) / (center - left), (right - places) / (right - center)), 0)
    if not periodic:
        weights[0] = 0
    return (0.54 - 0.46 * np.cos(phase)).astype(np.float32), weights.astype(np.float32)


def _mel(frequency):
    return 2595 * np.log10(1 + np.asarray(frequency) / 700)
