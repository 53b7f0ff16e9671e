"""Cepstral mean and variance normalisation: over a sliding window, or over the utterance."""

import numpy as np

# Frames normalised together: intermediate results of a long utterance would leave the cache.
BLOCK = 256


def sliding_cmvn(
    feats: np.ndarray, window: int = 300, center: bool = True, norm_vars: bool = False, min_window: int = 100
) -> np.ndarray:
    """Normalises every frame by the statistics of the frames around it, as Kaldi's `apply-cmvn-sliding`.

    >>> samples, rate = nnet.read_audio("a.wav")
    >>> features = nnet.sliding_cmvn(nnet.compute_fbank(samples, nnet.FbankOptions()))

    Args:
        feats: float32 (frames, dim).
        window: length of the window in frames; shorter only where the utterance is.
        center: the frame stands in the middle of its window; otherwise at its end.
        norm_vars: divide by the standard deviation too.
        min_window: without center, the fewest frames of the windows at the beginning.

    Returns:
        float32 (frames, dim).
    """
    start, stop = window_edges(len(feats), window, center, min_window)
    out = np.empty(feats.shape, np.float32)
    sums = running_sums(feats)
    squares = running_sums(np.square(feats, dtype=np.float64)) if norm_vars else sums
    for first in range(0, len(feats), BLOCK):
        rows = slice(first, first + BLOCK)
        edges = start[rows], stop[rows]
        mean = window_means(sums, *edges)
        np.subtract(feats[rows], mean, out=out[rows])
        if norm_vars:
            variance = window_means(squares, *edges) - mean**2
            # Kaldi's floor; and the variance of a single frame is taken for infinite.
            out[rows] *= np.where(edges[1] - edges[0] > 1, 1, 0)[:, None] / np.sqrt(np.maximum(variance, 1e-10))
    return out


def running_sums(values: np.ndarray) -> np.ndarray:
    """Sums of the rows before each row, and of all: float64 (rows + 1, dim), so that differences stay exact."""
    sums = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, dtype=np.float64, out=sums[1:])
    return sums


def window_means(sums: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Means of the rows start[t] to stop[t] (exclusive) for every t, from the running sums: (len(start), dim)."""
    means = sums[stop]
    means -= sums[start]
    means /= (stop - start)[:, None]
    return means


def window_edges(count: int, window: int, center: bool, min_window: int) -> tuple[np.ndarray, np.ndarray]:
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


def utterance_cmvn(feats: np.ndarray, norm_vars: bool = False) -> np.ndarray:
    """Normalises the frames by the mean (and variance) of the whole utterance: float32 (frames, dim)."""
    if len(feats) == 0:
        return feats.astype(np.float32)
    mean = feats.mean(axis=0, dtype=np.float64)
    out = feats - mean
    if norm_vars:
        # Kaldi's floor of the variance.
        out /= np.sqrt(np.maximum(np.square(out).mean(axis=0), 1e-20))
    return out.astype(np.float32)
