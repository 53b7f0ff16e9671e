"""Turns of speakers who may talk at once, by a segmentation model whose windows have speakers of their own.

There are two ways. One adds second speakers to turns without overlap, where the model counts several speakers, as in
overlap-aware resegmentation (Bullock, Bredin and Garcia-Perera 2020, arXiv:1910.11646; Bredin and Laurent 2021,
arXiv:2104.04045).

The other builds turns from the local speakers, those of single windows (Bredin 2023, "pyannote.audio 2.1 speaker
diarization pipeline: principle, benchmark, and recipe", Interspeech). Each local speaker is embedded from the frames in
which it talks alone, clusters of these embeddings are the speakers, and each frame gets as many speakers as the windows
count there, those that most windows hear.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from nnet.audio.recording import Recording
from nnet.backend.directory import Backend
from nnet.diarization.clustering import ClusteringOptions, cluster
from nnet.diarization.rttm import Turn
from nnet.diarization.segmentation import Segmentation
from nnet.diarization.similarity import points_of
from nnet.diarization.speech import joined
from nnet.diarization.vbx import VbxOptions
from nnet.feats.prepare import prepare
from nnet.feats.spectrum import compute_rows
from nnet.model.embedder import Embedder
from nnet.progress import progress

log = logging.getLogger(__name__)

CLEAR_SHARE = 0.2  # of a window: local speakers who talk alone for less of it are not clustered
LEAST_SECONDS = 0.3  # of speech alone for an embedding; with less, overlapped speech is used as well


def add_second_speakers(turns: Sequence[Turn], segmentation: Segmentation, pause: float = 0.0) -> list[Turn]:
    """Adds a second speaker to turns where a segmentation counts several.

    Each speaker of a window is matched with the speaker whose turns share most time with it, different ones with
    different speakers. The second speaker of a frame is the one that most windows hear there, apart from the speaker
    whose turn it is.

    Args:
        turns: turns of one recording, without overlap.
        segmentation: of the recording.
        pause: seconds of silence of a speaker that do not end its turn.

    Returns:
        turns, sorted, with the names of the speakers kept.
    """
    names = sorted({turn.speaker for turn in turns})
    if len(names) < 2:
        return list(turns)
    spans = [np.array([(t.start, t.end) for t in turns if t.speaker == name]) for name in names]
    given = np.stack([segmentation.grid.frames(span) for span in spans], axis=1)
    heard = hear(segmentation, *_matched(segmentation, given), len(names))
    frames = np.flatnonzero((segmentation.counts() > 1) & given.any(axis=1))
    others = np.where(given[frames], 0, heard[frames])
    second = np.zeros_like(given)
    second[frames, others.argmax(axis=1)] = others.max(axis=1, initial=0) > 0
    log.info("%s: %.1f s with a second speaker", turns[0].recording, second.any(axis=1).sum() * segmentation.grid.step)
    return _named_turns(
        turns[0].recording,
        {
            name: np.concatenate([span, segmentation.grid.spans(second[:, i])])
            for i, (name, span) in enumerate(zip(names, spans, strict=True))
        },
        pause,
    )


def _matched(segmentation, given):
    """Local speakers who share speech with turns: (windows, numbers, speakers), int (N,) each.

    given: bool (frames of the grid, speakers).
    """
    windows, numbers, shared = [], [], [np.zeros((0, given.shape[1]))]
    for window, first in enumerate(segmentation.firsts):
        there = given[first : first + segmentation.sets.shape[1]]
        active = segmentation.active(window)[: len(there)]
        local = np.flatnonzero(active.any(axis=0))
        windows += [window] * len(local)
        numbers += local.tolist()
        shared.append(active[:, local].T.astype(np.float32) @ there)
    scores = np.concatenate(shared)
    speakers = assign(np.array(windows, int), scores)
    found = scores[np.arange(len(scores)), speakers] > 0
    return np.array(windows, int)[found], np.array(numbers, int)[found], speakers[found]


@dataclass(frozen=True)
class LocalSpeakers:
    """Speakers of single windows, in the order of time.

    Attributes:
        windows: int (N,), the window of each.
        numbers: int (N,), its number there.
        alone: int (N,), frames in which it talks alone.
        vectors: float32 (N, D), embeddings.
    """

    windows: np.ndarray
    numbers: np.ndarray
    alone: np.ndarray
    vectors: np.ndarray


def turns_of_local_speakers(
    model: Embedder,
    recording: Recording,
    name: str,
    segmentation: Segmentation,
    clustering: ClusteringOptions = ClusteringOptions(),
    backend: Backend | None = None,
    vbx: VbxOptions = VbxOptions(),
    pause: float = 0.0,
) -> list[Turn]:
    """Finds who spoke when; turns of different speakers may overlap.

    Args:
        model: an Embedder.
        recording: a Recording at the model's sampling rate; `name` is its name in the turns.
        segmentation: of the recording.
        clustering, vbx: options; a window's speakers follow no order, so VBx is run without its loop probability.
        backend: a Backend for PLDA or VBx, or to transform embeddings before the cosine; None: none.
        pause: seconds of silence of a speaker that do not end its turn.

    Returns:
        turns, sorted; none if there is no speech.
    """
    local = embed_local_speakers(model, recording, segmentation)
    if not len(local.windows):
        log.warning("%s: no speech was found, so there are no turns", name)
        return []
    scores = speaker_scores(local, segmentation.sets.shape[1], clustering, backend, replace(vbx, loop_prob=0.0))
    speakers = assign(local.windows, scores)
    heard = hear(segmentation, local.windows, local.numbers, speakers, scores.shape[1])
    active = most_heard(heard, segmentation.counts())
    order = sorted(np.flatnonzero(active.any(axis=0)), key=lambda speaker: active[:, speaker].argmax())
    spans = {str(i): segmentation.grid.spans(active[:, speaker]) for i, speaker in enumerate(order, 1)}
    turns = _named_turns(name, spans, pause)
    log.info("%s: %d speakers in %d turns, of %d local speakers", name, len(order), len(turns), len(local.windows))
    return turns


def embed_local_speakers(model: Embedder, recording: Recording, segmentation: Segmentation) -> LocalSpeakers:
    """Embeds the speakers of each window; those with too few frames for the network have an embedding of zeros."""
    keys, alone, vectors = [], [], []
    features = _features(model, recording, segmentation)
    label = f"{recording.name}: embeddings"
    for (window, number, frames), vector in progress(model.embed_features(features), None, label, "local speakers"):
        keys.append((window, number))
        alone.append(frames if vector is not None else 0)
        vectors.append(np.zeros(model.dim, np.float32) if vector is None else vector)
    keys = np.array(keys, int).reshape(-1, 2)
    return LocalSpeakers(keys[:, 0], keys[:, 1], np.array(alone, int), np.array(vectors).reshape(-1, model.dim))


def _features(model, recording, segmentation) -> Iterator[tuple[tuple[int, int, int], np.ndarray]]:
    """Yields ((window, speaker, frames alone), features) of each speaker of each window."""
    front_end, grid = model.front_end, segmentation.grid
    options, rate = front_end.options, front_end.sample_rate
    least = round(LEAST_SECONDS / grid.step)
    for i, start in enumerate(segmentation.samples):
        active = segmentation.active(i)
        if not active.any():
            continue
        feats = np.asarray(compute_rows(recording.read(int(start), int(start) + segmentation.window), options))
        if front_end.cmvn == "sliding":
            feats = prepare(feats, "sliding")
        centers = options.first_sample + options.window_size / 2 + np.arange(len(feats)) * options.window_shift
        seconds = centers / rate
        frames = np.clip(np.floor((seconds - grid.start) / grid.step).astype(int), 0, len(active) - 1)
        single = active & (active.sum(axis=1, keepdims=True) == 1)
        for number in np.flatnonzero(active.any(axis=0)):
            alone = int(single[:, number].sum())
            own = (single if alone >= least else active)[frames, number]
            yield (i, int(number), alone), prepare(feats[own], "utterance" if front_end.cmvn == "utterance" else "none")


def speaker_scores(
    local: LocalSpeakers, frames: int, clustering: ClusteringOptions, backend: Backend | None, vbx: VbxOptions
) -> np.ndarray:
    """Clusters local speakers, and scores how well each of them fits each cluster: float64 (N, K).

    Those who talk alone for less than a share of a window take no part in the clustering, if there are others.

    Args:
        local: LocalSpeakers.
        frames: of a window.
        clustering, backend, vbx: as for `nnet.diarization.clustering.cluster`.
    """
    clear = local.alone >= CLEAR_SHARE * frames
    if not clear.any():
        clear = local.alone == local.alone.max()
    labels = cluster(local.vectors[clear], clustering, backend, vbx).labels
    points = points_of(local.vectors, backend, clustering.scores)
    return points.similarities(points.select(clear).means(labels))


def assign(windows: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Gives each local speaker a cluster, int (N,), the best sum of scores for each window.

    Two speakers of a window get the same cluster only if it has more speakers than there are clusters.

    Args:
        windows: int (N,), sorted.
        scores: (N, K).
    """
    chosen = scores.argmax(axis=1)
    bounds = np.flatnonzero(np.diff(windows, prepend=-1, append=-1))
    for first, stop in zip(bounds[:-1], bounds[1:], strict=True):
        rows, columns = linear_sum_assignment(scores[first:stop], maximize=True)
        chosen[first + rows] = columns
    return chosen


def hear(
    segmentation: Segmentation, windows: np.ndarray, numbers: np.ndarray, speakers: np.ndarray, count: int
) -> np.ndarray:
    """Counts the windows that hear each speaker in each frame of the recording: uint16 (frames of the grid, count).

    Args:
        segmentation: of the recording.
        windows, numbers: of local speakers: the window, int (N,) sorted, and the number there, int (N,).
        speakers: the speaker whom each of them is, int (N,), below `count`.
        count: number of speakers.
    """
    heard = np.zeros((segmentation.grid.count, count), np.uint16)
    bounds = np.searchsorted(windows, np.arange(len(segmentation.firsts) + 1))
    for i, first in enumerate(segmentation.firsts):
        rows = slice(bounds[i], bounds[i + 1])
        active, own = segmentation.active(i), np.zeros((segmentation.sets.shape[1], count), bool)
        for number, speaker in zip(numbers[rows], speakers[rows], strict=True):
            own[:, speaker] |= active[:, number]
        part = heard[first : first + len(own)]
        part += own[: len(part)]
    return heard


def most_heard(heard: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Chooses as many speakers in each frame as are counted there, those whom most windows hear; nobody unheard.

    Args:
        heard: (frames, speakers).
        counts: int (frames,).

    Returns:
        bool (frames, speakers)
    """
    chosen = np.zeros(heard.shape, bool)
    for size in range(1, min(counts.max(initial=0), heard.shape[1]) + 1):
        rows = np.flatnonzero(counts >= size)
        left = np.where(chosen[rows], 0, heard[rows])
        best = left.argmax(axis=1)
        chosen[rows, best] |= left[np.arange(len(rows)), best] > 0
    return chosen


def _named_turns(recording, spans, pause):
    """Turns of {speaker: spans (S, 2)}, of which those are joined that overlap or are at most a pause apart."""
    return sorted(
        (
            Turn(recording, float(start), float(end), speaker)
            for speaker, own in spans.items()
            for start, end in joined(own[np.argsort(own[:, 0], kind="stable")], pause)
        ),
        key=lambda turn: (turn.start, turn.end, turn.speaker),
    )
