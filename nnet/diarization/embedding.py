"""Embeddings of windows of a recording, which is read and turned into features part by part."""

from collections.abc import Iterator

import numpy as np

from nnet.audio.recording import Recording
from nnet.errors import InputError
from nnet.feats.front_end import FrontEnd
from nnet.feats.prepare import prepare
from nnet.feats.spectrum import compute_rows
from nnet.model.embedder import Embedder
from nnet.progress import progress

PART_SECONDS = 60  # of speech whose features are in memory


def embed_windows(model: Embedder, recording: Recording, windows: np.ndarray) -> np.ndarray:
    """Embeds windows of a recording.

    Args:
        model: an Embedder.
        recording: a Recording at the model's sampling rate.
        windows: spans (N, 2), sorted by start.

    Returns:
        float32 (N, D).

    Raises:
        InputError: a window has fewer frames than the network needs.
    """
    vectors = np.empty((len(windows), model.dim), np.float32)
    features = window_features(recording, windows, model.front_end)
    label = f"{recording.name}: embeddings"
    for i, vector in progress(model.embed_features(features), len(windows), label, "windows"):
        if vector is None:
            start, end = windows[i]
            least = model.net.network.min_frames
            raise InputError(
                f"{recording.name}: a window of {end - start:.2f} s is too short: the network needs {least} frames; "
                "raise --min-window"
            )
        vectors[i] = vector
    return vectors


def window_features(recording: Recording, windows: np.ndarray, front_end: FrontEnd) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (row, features (T, F) float32) of each window, sorted by start.

    A mean over the utterance is one over the window; a sliding mean runs over the speech around it, up to
    PART_SECONDS. Frames that voice activity detection would remove are kept: windows are speech.
    """
    options, rate = front_end.options, front_end.sample_rate
    places = np.round(windows * rate).astype(int)
    shift = options.window_shift
    for first, stop in _parts(places, PART_SECONDS * rate):
        start = places[first, 0]
        samples = recording.read(start, places[first:stop, 1].max())
        feats = np.asarray(compute_rows(samples, options))
        if front_end.cmvn == "sliding":
            feats = prepare(feats, "sliding")
        for i in range(first, stop):
            at = round((places[i, 0] - start) / shift)
            window = feats[at : at + options.num_frames(places[i, 1] - places[i, 0])]
            yield i, prepare(window, front_end.cmvn) if front_end.cmvn == "utterance" else window


def _parts(places, most):
    """Yields (first, stop) of runs of windows that overlap or touch, of up to `most` samples each."""
    first = 0
    for i in range(1, len(places) + 1):
        if i == len(places) or places[i, 0] > places[i - 1, 1] or places[i, 1] - places[first, 0] > most:
            yield first, i
            first = i
