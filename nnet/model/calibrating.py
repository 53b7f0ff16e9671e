"""Calibration of a model by duration from pieces of recordings, and what it is worth on speakers it has not seen."""

import dataclasses

import numpy as np

from nnet.backend.duration_calibration import train_duration_calibration
from nnet.errors import InputError
from nnet.metrics import cllr, convex_hull, eer, error_rates, min_cllr
from nnet.model.pieces import nontarget_pairs, target_pairs

LEAST_SPEAKERS = 40
NONTARGETS = 1_000_000  # pairs of different speakers in the training of the weights
IMPOSTORS = 2000  # pieces whose scores, each with each, give the distribution of impostors
BOUNDS = (0.0, 2.0, 4.0, 8.0, np.inf)  # seconds of the shorter side, for the figures
REQUESTED = (0.01, 0.05)  # rates of false acceptance, for the figures


@dataclasses.dataclass(frozen=True)
class Figures:
    """How well a calibration does on speakers that it was not trained on.

    Attributes:
        rows: (shortest, longest seconds of the shorter side, targets, EER, Cllr, minimum Cllr), one for each range.
        voices: in the galleries.
        false_accepts: (requested rate of false acceptance, found rate) of unknown speakers.
        recordings: of unknown speakers.
    """

    rows: list[tuple[float, float, int, float, float, float]]
    voices: int
    false_accepts: list[tuple[float, float]]
    recordings: int


def check_speakers(count, path, which=""):
    """Raises InputError if so many speakers of a data directory are too few for a calibration."""
    if count < LEAST_SPEAKERS:
        raise InputError(f"{path}: only {count} speakers{which}; a calibration needs {LEAST_SPEAKERS} or more")


def calibrate(pieces, p_target):
    """Trains a DurationCalibration on Pieces; the loss is weighted by the target prior `p_target`.

    Returns:
        (DurationCalibration, whether all target trials are of different recordings).
    """
    i, j, target, across = _trials(pieces)
    chosen = np.random.default_rng(0).permutation(len(pieces))[:IMPOSTORS]
    vectors = pieces.vectors[chosen]
    scores = vectors @ vectors.T, pieces.seconds[chosen], pieces.speaker[chosen]
    return train_duration_calibration(_scored(pieces, i, j), target, scores, p_target), across


def measure(pieces, p_target):
    """Trains on one half of the speakers, tests on the other, and the other way round.

    Returns:
        Figures.
    """
    speakers = np.random.default_rng(0).permutation(np.unique(pieces.speaker))
    halves = [pieces.of_speakers(half) for half in np.array_split(speakers, 2)]
    trials, found = [], []
    for train, test in (halves, halves[::-1]):
        model, _ = calibrate(train, p_target)
        i, j, target, _ = _trials(test)
        pairs = _scored(test, i, j)
        trials.append((np.minimum(*pairs[1:]), model.log_ratio(*pairs), target))
        found.append(_open_set(model, test))
    shorter, ratios, target = (np.concatenate(parts) for parts in zip(*trials, strict=True))
    chances = np.concatenate([chances for chances, _ in found])
    rates = [(rate, float(np.mean(chances <= rate))) for rate in REQUESTED]
    return Figures(_rows(shorter, ratios, target), min(voices for _, voices in found), rates, len(chances))


def _trials(pieces):
    """(i, j, target, whether all target trials are of different recordings): pairs of pieces."""
    *same, across = target_pairs(pieces)
    other = nontarget_pairs(pieces, NONTARGETS)
    if not len(same[0]):
        raise InputError("no speaker has two pieces to compare: longer recordings, or more of each speaker are needed")
    i, j = np.concatenate([same, other], axis=1)
    return i, j, np.arange(len(i)) < len(same[0]), across


def _scored(pieces, i, j):
    scores = np.einsum("ij,ij->i", pieces.vectors[i], pieces.vectors[j])
    return scores, pieces.seconds[i], pieces.seconds[j]


def _open_set(model, pieces):
    """Enrolls the longest piece of every other speaker: (chances of the pieces of the others, number of voices)."""
    speakers = np.unique(pieces.speaker)
    order = np.argsort(-pieces.seconds, kind="stable")
    longest = order[np.unique(pieces.speaker[order], return_index=True)[1]]
    known, unknown = longest[::2], np.flatnonzero(np.isin(pieces.speaker, speakers[1::2]))
    scores = pieces.vectors[unknown] @ pieces.vectors[known].T
    ratios = model.log_ratio(scores, pieces.seconds[known], pieces.seconds[unknown][:, None])
    best = ratios.argmax(axis=1)
    score = scores[np.arange(len(unknown)), best]
    return model.false_accept(score, pieces.seconds[known][best], pieces.seconds[unknown], len(known)), len(known)


def _rows(shorter, ratios, target):
    rows = []
    for low, high in zip(BOUNDS, BOUNDS[1:], strict=False):
        within = (shorter >= low) & (shorter < high)
        count = np.count_nonzero(target[within])
        if 0 < count < np.count_nonzero(within):
            rates = error_rates(ratios[within], target[within])
            rows.append((low, high, count, float(eer(rates)), cllr(rates), min_cllr(convex_hull(rates))))
    return rows
