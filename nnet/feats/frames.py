"""Framing and windowing of a signal, as in Kaldi."""

import itertools

import numpy as np


def frame_blocks(samples, options, size, change):
    """Yields the overlapping frames of a signal, in order, as read-only views (frames, window_size).

    Without snip_edges, frame t is centered at (t + 1/2) shifts, and the signal is reflected at its ends (the end sample
    repeated), several times if it is short.

    Args:
        samples: rows (n,), read from front to back.
        options: SpectrumOptions.
        size: number of frames at once; the last view has up to twice as many, so that none is short unless the signal
            is: BLAS may round products of few rows in another way.
        change: function that is applied to each sample once, in order, in arrays of any length: dither.
    """
    window, shift = options.window_size, options.window_shift
    count = options.num_frames(len(samples))
    start = options.first_sample
    kept, place = np.empty(0, np.float32), 0  # samples from `place` on
    edges = [*range(0, max(1, count // size) * size, size), count] if count else []
    for first, stop in itertools.pairwise(edges):
        low, high = start + first * shift, start + (stop - 1) * shift + window
        # Reflection at the end reaches one sample beyond the middle of a frame at most, so not before `low` - 1.
        kept, place = kept[max(0, low - 1 - place) :], max(place, min(low - 1, place + len(kept)))
        fresh = change(np.asarray(samples[place + len(kept) : min(high, len(samples))], np.float32))
        kept = np.concatenate([kept, fresh]) if len(kept) else fresh
        windows = np.lib.stride_tricks.sliding_window_view(_between(kept, place, low, high, len(samples)), window)
        yield windows[::shift]


def _between(kept, place, low, high, length):
    """Returns samples low to high of a signal of which `kept` holds those from `place` on, reflected at its ends."""
    inside = kept[max(low, 0) - place : min(high, length) - place]
    if low >= 0 and high <= length:
        return inside
    before = kept[_mirrored(np.arange(low, max(low, 0)), length) - place]
    after = kept[_mirrored(np.arange(length, max(high, length)), length) - place]
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
