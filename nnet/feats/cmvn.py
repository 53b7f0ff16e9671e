"""Cepstral mean and variance normalisation: over a sliding window, or over the utterance."""

import numpy as np


def sliding_cmvn(feats, window=300, center=True, norm_vars=False, min_window=100):
    """Normalises every frame by the statistics of the frames around it, as Kaldi's `apply-cmvn-sliding`.

    Args:
        feats: float32 (frames, dim).
        window: length of the window in frames; shorter only where the utterance is.
        center: the frame stands in the middle of its window; otherwise at its end.
        norm_vars: divide by the standard deviation too.
        min_window: without center, the fewest frames of the windows at the beginning.

    Returns:
        float32 (frames, dim).
    """
    count = len(feats)
    if count == 0:
        return feats.astype(np.float32)
    start, stop = window_edges(count, window, center, min_window)
    length = (stop - start)[:, None]
    mean = _window_sums(feats, start, stop) / length
    out = (feats - mean).astype(np.float32)
    if norm_vars:
        variance = _window_sums(np.square(feats, dtype=np.float64), start, stop) / length - mean**2
        out *= 1 / np.sqrt(np.maximum(variance, 1e-10))
        out[length[:, 0] == 1] = 0.0
    return out


def window_edges(count, window, center, min_window):
    """First frame and frame after the last of each frame's window: two int arrays (count,).

    A window that sticks out at one end of the utterance is moved inwards.
    """
    times = np.arange(count)
    if center:
        start = np.maximum(times - window // 2, 0)
        stop = start + window
    else:
        start = np.maximum(times - window, 0)
        stop = np.maximum(times + 1, min_window)
    over = np.maximum(stop - count, 0)
    return np.maximum(start - over, 0), stop - over


def utterance_cmvn(feats, norm_vars=False):
    """Normalises the frames by the mean (and variance) of the whole utterance: float32 (frames, dim)."""
    if len(feats) == 0:
        return feats.astype(np.float32)
    mean = feats.mean(axis=0, dtype=np.float64)
    out = feats - mean
    if norm_vars:
        # Kaldi's floor of the variance.
        out /= np.sqrt(np.maximum(np.square(out).mean(axis=0), 1e-20))
    return out.astype(np.float32)


def _window_sums(feats, start, stop):
    """Sums over feats[start[t]:stop[t]] for every t, in float64 so that differences of running sums are exact."""
    sums = np.zeros((len(feats) + 1, feats.shape[1]))
    np.cumsum(feats, axis=0, dtype=np.float64, out=sums[1:])
    return sums[stop] - sums[start]
