"""Cepstral mean and variance normalization, over a sliding window or the whole utterance."""

from collections.abc import Callable, Iterator

import numpy as np

from nnet.rows import Rows, blocks_of, mean_row

# Frames per block, so that intermediate results of a long utterance stay in the cache.
BLOCK = 256
# Frames of a long utterance that are in memory at once.
STRETCH = 64 * BLOCK


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
    return np.concatenate([*sliding_cmvn_blocks(feats, window, center, norm_vars, min_window)])


def sliding_cmvn_blocks(
    feats: Rows, window: int = 300, center: bool = True, norm_vars: bool = False, min_window: int = 100
) -> Iterator[np.ndarray]:
    """Yields what `sliding_cmvn` returns in blocks of rows, at least one; the features may be longer than memory."""
    sums, squares = _RunningSums(feats), _RunningSums(feats, np.square) if norm_vars else None
    for first in range(0, max(1, len(feats)), STRETCH):
        stop = min(first + STRETCH, len(feats))
        rows, out = feats[first:stop], np.empty((stop - first, feats.shape[1]), np.float32)
        starts, stops = window_edges(np.arange(first, stop), len(feats), window, center, min_window)
        for place in range(0, len(out), BLOCK):
            part = slice(place, place + BLOCK)
            edges = starts[part], stops[part]
            mean = sums.means(*edges)
            np.subtract(rows[part], mean, out=out[part])
            if squares:
                variance = squares.means(*edges) - mean**2
                # The floor is Kaldi's; the variance of a single frame counts as infinite.
                out[part] *= np.where(edges[1] - edges[0] > 1, 1, 0)[:, None] / np.sqrt(np.maximum(variance, 1e-10))
        yield out


class _RunningSums:
    """Sums of the first n rows, float64, for exact differences; of windows that move forward only.

    Args:
        feats: (frames, dim).
        function: of a row's values, which are float64.
    """

    def __init__(self, feats: Rows, function: Callable[[np.ndarray], np.ndarray] = np.asarray) -> None:
        self._feats, self._function = feats, function
        self._first, self._sums = 0, np.zeros((1, feats.shape[1]))  # from that of the first `_first` rows on

    def means(self, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
        """Computes the means of rows start[t] to stop[t] (exclusive): (len(start), dim)."""
        if stop[-1] >= self._first + len(self._sums):
            self._move(int(start[0]), int(stop[-1]))
        means = self._sums[stop - self._first]
        means -= self._sums[start - self._first]
        means /= (stop - start)[:, None]
        return means

    def _move(self, first: int, stop: int) -> None:
        """Lets go of the sums of fewer than `first` rows and adds those of up to `stop`, and of a stretch beyond it."""
        known = self._first + len(self._sums) - 1
        rows = self._function(np.asarray(self._feats[known : stop + STRETCH], np.float64))
        more = np.cumsum(np.concatenate([self._sums[-1:], rows]), axis=0)
        self._sums = np.concatenate([self._sums[first - self._first : -1], more])
        self._first = first


def window_edges(
    times: np.ndarray, count: int, window: int, center: bool, min_window: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the start and the (exclusive) end of the windows of some frames of `count`: two int arrays (frames,).

    A window that extends beyond the utterance is shifted inside.
    """
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
    return np.concatenate([*utterance_cmvn_blocks(feats, norm_vars)])


def utterance_cmvn_blocks(feats: Rows, norm_vars: bool = False) -> Iterator[np.ndarray]:
    """Yields what `utterance_cmvn` returns in blocks of rows, at least one; the features may be longer than memory."""
    mean = mean_row(blocks_of(feats))
    # Kaldi's variance floor.
    scale = np.sqrt(np.maximum(mean_row(np.square(b - mean) for b in blocks_of(feats)), 1e-20)) if norm_vars else 1.0
    for block in blocks_of(feats):
        yield ((block - mean) / scale).astype(np.float32)
