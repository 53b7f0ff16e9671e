"""Framing and windowing of a signal, as in Kaldi."""

import numpy as np


def num_frames(num_samples, options):
    """Returns the number of frames of a signal."""
    size, shift = options.window_size, options.window_shift
    if options.snip_edges:
        return 1 + (num_samples - size) // shift if num_samples >= size else 0
    return (num_samples + shift // 2) // shift


def cut_frames(samples, options):
    """Returns the overlapping frames of a signal as a read-only view (frames, window_size).

    Without snip_edges, frame t is centered at (t + 1/2) shifts, and the signal is reflected at its ends (the end sample
    repeated), several times if it is short.
    """
    count = num_frames(len(samples), options)
    if count == 0:
        return np.zeros((0, options.window_size), samples.dtype)
    if not options.snip_edges:
        samples = _mirror(samples, count, options)
    windows = np.lib.stride_tricks.sliding_window_view(samples, options.window_size)
    return windows[: (count - 1) * options.window_shift + 1 : options.window_shift]


def _mirror(samples, count, options):
    """Extends the samples by reflection to cover all frames without snip_edges."""
    first = options.window_shift // 2 - options.window_size // 2
    last = first + (count - 1) * options.window_shift + options.window_size
    inside = samples[max(first, 0) : last]
    before = samples[_mirrored(np.arange(first, max(first, 0)), len(samples))]
    after = samples[_mirrored(np.arange(len(samples), last), len(samples))]
    return np.concatenate([before, inside, after])


def _mirrored(places, length):
    """Maps indices outside 0..length-1 inside by reflection, the end sample repeated."""
    places = places % (2 * length)
    return np.minimum(places, 2 * length - 1 - places)


def window_function(options):
    """Returns the window function, float64 (window_size,)."""
    phase = 2 * np.pi * np.arange(options.window_size) / (options.window_size - 1)
    hann = 0.5 - 0.5 * np.cos(phase)
    constant = options.blackman_coeff
    windows = {
        "hanning": hann,
        "hamming": 0.54 - 0.46 * np.cos(phase),
        "povey": hann**0.85,
        "rectangular": np.ones(options.window_size),
        "sine": np.sin(0.5 * phase),
        "blackman": constant - 0.5 * np.cos(phase) + (0.5 - constant) * np.cos(2 * phase),
    }
    return windows[options.window_type]
