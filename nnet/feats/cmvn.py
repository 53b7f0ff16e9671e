"""Cepstral mean and variance normalization, over a sliding window or the whole utterance."""

import numpy as np

# Frames per block, so that intermediate results of a long utterance stay in the cache.
BLOCK = 256


def sliding_cmvn(
    feats: np.ndarray, window: int = 300, center: bool = True, norm_vars: bool = False, min_window: int = 100
) -> np.ndarray:
    """Normalizes every frame by the statistics of a window around it, as Kaldi's `apply-cmvn-sliding`.

    >>> samples, rate = nnet.read_audio("a.wav")
    >>> features = nnet.sliding_cmvn(nnet.compute_fbank(samples, nnet.FbankOptions()))

    Args:
        feats: float32 (frames, dim).
        window: length in frames; shorter utterances use all frames.
        center: center the window on the frame; otherwise the frame is its last one.
        norm_vars: also divide by the standard deviation.
        min_window: if not centered, minimum length of the windows at the beginning, in frames.

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
            # The floor is Kaldi's; the variance of a single frame counts as infinite.
            out[rows] *= np.where(edges[1] - edges[0] > 1, 1, 0)[:, None] / np.sqrt(np.maximum(variance, 1e-10))
    return out


def running_sums(values: np.ndarray) -> np.ndarray:
    """Computes cumulative sums of rows, starting with 0: float64 (rows + 1, dim), for exact differences."""
    sums = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, dtype=np.float64, out=sums[1:])
    return sums


def window_means(sums: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Computes the means of rows start[t] to stop[t] (exclusive) from `running_sums`: (len(start), dim)."""
    means = sums[stop]
    means -= sums[start]
    means /= (stop - start)[:, None]
    return means


def window_edges(count: int, window: int, center: bool, min_window: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the start and the (exclusive) end of each frame's window: two int arrays (count,).

    A window that extends beyond the utterance is shifted inside.
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
    """Normalizes features (frames, dim) by the mean (and variance) of the utterance: float32 (frames, dim)."""
    if len(feats) == 0:
        return feats.astype(np.float32)
    mean = feats.mean(axis=0, dtype=np.float64)
    out = feats - mean
    if norm_vars:
        # Kaldi's variance floor.
        out /= np.sqrt(np.maximum(np.square(out).mean(axis=0), 1e-20))
    return out.astype(np.float32)
