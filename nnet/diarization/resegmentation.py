"""Turns of speakers from clustered windows, with boundaries at the windows' middles or refined frame by frame."""

from dataclasses import dataclass

import numpy as np

from nnet.diarization.clustering import Clusters
from nnet.diarization.rttm import Turn
from nnet.diarization.windows import own_spans
from nnet.options import option

STEP = 0.05  # seconds of a frame: a window of 1.5 s does not tell more


@dataclass(frozen=True)
class ResegmentationOptions:
    """Options of turns."""

    resegment: bool = option(
        True, "Put changes of speaker where interpolated scores cross; false: halfway between two windows."
    )
    min_turn: float = option(0.3, "Seconds of a turn within a segment of speech at least (resegment true).", low=0)


def label_speech(segments, windows, owners, clusters: Clusters, options: ResegmentationOptions):
    """Divides segments of speech among the speakers of their windows.

    Args:
        segments: spans (S, 2), sorted.
        windows, owners: of `nnet.diarization.windows.cut_windows`.
        clusters: Clusters of the windows.
        options: ResegmentationOptions.

    Returns:
        (spans (T, 2), speaker of each, int (T,)): sorted, covering the segments without overlap. A segment without a
        window gets the speaker of the nearest window; without any window, everything is speaker 0.
    """
    spans, labels = [], []
    own = own_spans(segments, windows, owners)
    bounds = np.searchsorted(owners, np.arange(len(segments) + 1))
    for i, segment in enumerate(segments):
        rows = slice(bounds[i], bounds[i + 1])
        if rows.start == rows.stop:
            parts, speakers = segment[None], [_nearest(segment, windows, clusters.labels)]
        elif options.resegment:
            parts, speakers = _resegmented(segment, windows[rows], clusters.scores[rows], options.min_turn)
        else:
            parts, speakers = own[rows], clusters.labels[rows]
        spans.append(parts)
        labels.append(speakers)
    if not spans:
        return np.zeros((0, 2)), np.zeros(0, int)
    return _joined(np.concatenate(spans), np.concatenate(labels).astype(int))


def turns(recording: str, spans: np.ndarray, labels: np.ndarray) -> list[Turn]:
    """Names the speakers 1, 2, ... in the order in which they are first heard, as Kaldi's cluster numbers."""
    names = {}
    for label in labels:
        names.setdefault(label, str(len(names) + 1))
    return [
        Turn(recording, float(start), float(end), names[label])
        for (start, end), label in zip(spans, labels, strict=True)
    ]


def _nearest(segment, windows, labels):
    if not len(windows):
        return 0
    gaps = np.maximum(np.maximum(windows[:, 0] - segment[1], segment[0] - windows[:, 1]), 0)
    return labels[gaps.argmin()]


def _resegmented(segment, windows, scores, min_turn):
    """Gives each frame the speaker with the best score, interpolated between the windows' middles."""
    count = max(1, round((segment[1] - segment[0]) / STEP))
    edges = np.linspace(*segment, count + 1)
    middles = windows.mean(axis=1)
    frames = np.stack([np.interp((edges[:-1] + edges[1:]) / 2, middles, s) for s in scores.T], axis=1)
    runs = _runs(frames.argmax(axis=1))
    while len(runs) > 1:
        lengths = [edges[stop] - edges[first] for first, stop, _ in runs]
        shortest = int(np.argmin(lengths))
        if lengths[shortest] >= min_turn:
            break
        first, stop, _ = runs[shortest]
        neighbors = [runs[i][2] for i in (shortest - 1, shortest + 1) if 0 <= i < len(runs)]
        best = max(neighbors, key=lambda speaker: frames[first:stop, speaker].sum())
        runs[shortest] = (first, stop, best)
        runs = _merged(runs)
    return np.array([(edges[first], edges[stop]) for first, stop, _ in runs]), [speaker for *_, speaker in runs]


def _runs(labels):
    """Runs of equal labels as a list of (first, stop, label)."""
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    return [(first, stop, int(labels[first])) for first, stop in zip(edges[:-1], edges[1:], strict=True)]


def _merged(runs):
    out = []
    for first, stop, label in runs:
        if out and out[-1][2] == label:
            first = out.pop()[0]
        out.append((first, stop, label))
    return out


def _joined(spans, labels):
    """Joins spans of one speaker that touch."""
    starts = np.ones(len(spans), bool)
    starts[1:] = (labels[1:] != labels[:-1]) | (spans[1:, 0] > spans[:-1, 1] + 1e-6)
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(spans)) - 1
    return np.stack([spans[first, 0], spans[last, 1]], axis=1), labels[first]
