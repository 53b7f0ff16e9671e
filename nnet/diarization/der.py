"""Diarization error rate, its parts, and Jaccard error rate, from the turns of one recording.

Diarization error rate (DER): NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan".
Jaccard error rate (JER): Ryant et al., "The Second DIHARD Diarization Challenge: Dataset, task, and baselines",
Interspeech 2019.

The numbers are those of pyannote.metrics, with these differences in meaning:

- A collar is what is not scored on each side of a boundary, as in NIST's md-eval (`-c 0.25`). pyannote.metrics' collar
  is the whole width: 0.5 there is 0.25 here.
- A speaker whose own turns overlap speaks once, as in md-eval; pyannote.metrics counts such a speaker twice.

md-eval differs in two points. It assigns speakers before collars and overlaps are taken out (pyannote.metrics and this
module: after), so that with a collar its confusion is sometimes larger. And without a UEM it scores the extent of the
reference alone, so that false alarms before and after it are free.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from nnet.diarization.rttm import Turn

TICKS = 1e9  # a second; times are whole nanoseconds, so that sums are exact and rounding leaves no slivers


@dataclasses.dataclass(frozen=True)
class DiarizationErrors:
    """Errors of one recording, or the sum over several; times are in seconds of speech.

    Attributes:
        scored: reference speech, counted once for each of its speakers.
        missed: reference speech without a hypothesis speaker.
        false_alarm: hypothesis speech without a reference speaker.
        confusion: speech of another speaker than the assigned one.
        jaccard: sum of the Jaccard errors of the scored reference speakers, each from 0 to 1.
        scored_speakers: reference speakers with scored speech.
        reference_speakers, hypothesis_speakers: speakers in the regions, collars and overlaps included.
        recordings: how many.
        right_number: recordings whose number of speakers is right.
    """

    scored: float = 0.0
    missed: float = 0.0
    false_alarm: float = 0.0
    confusion: float = 0.0
    jaccard: float = 0.0
    scored_speakers: int = 0
    reference_speakers: int = 0
    hypothesis_speakers: int = 0
    recordings: int = 0
    right_number: int = 0

    @property
    def der(self) -> float:
        """Diarization error rate; without reference speech, 0 if there is no error and 1 if there is."""
        errors = self.missed + self.false_alarm + self.confusion
        return errors / self.scored if self.scored else float(errors > 0)

    @property
    def jer(self) -> float:
        """Jaccard error rate, the mean over the reference speakers; 1 if there is none, as in pyannote.metrics."""
        return self.jaccard / self.scored_speakers if self.scored_speakers else 1.0

    def __add__(self, other: "DiarizationErrors") -> "DiarizationErrors":
        values = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return DiarizationErrors(*(mine + theirs for mine, theirs in values))


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Errors of a hypothesis, and the optimal assignment: {hypothesis speaker: reference speaker}."""

    errors: DiarizationErrors
    assignment: dict[str, str]


def compare_turns(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    collar: float = 0.0,
    overlap: bool = True,
    regions: Iterable[tuple[float, float]] | None = None,
) -> Comparison:
    """Compares the turns of one recording with its reference.

    Args:
        reference, hypothesis: turns in any order; either may be empty.
        collar: seconds that are not scored on each side of the start and the end of each reference turn.
        overlap: score where reference turns overlap.
        regions: [(start, end), ...] in seconds to score; None: from the first start to the last end of all turns.

    Returns:
        A Comparison. Hypothesis speakers who share no scored speech with a reference speaker are not assigned.
    """
    inside = _ticks(_extent([*reference, *hypothesis]) if regions is None else regions)
    ref_speakers, ref_of, ref_times = _speakers(reference)
    hyp_speakers, hyp_of, hyp_times = _speakers(hypothesis)
    collars = _collars(ref_times, collar)
    bounds = np.unique(np.concatenate([times.ravel() for times in (inside, collars, ref_times, hyp_times)]))
    cells = np.diff(bounds).astype(float)

    ref_counts = _counts(bounds, ref_times, ref_of, len(ref_speakers))
    ref, hyp = ref_counts > 0, _counts(bounds, hyp_times, hyp_of, len(hyp_speakers)) > 0
    evaluated = cells * _covered(bounds, inside)
    scored = evaluated * ~_covered(bounds, collars)
    if not overlap:
        scored *= ref_counts.sum(axis=0) < 2
    together = (ref * scored) @ hyp.T.astype(float)  # (reference speakers, hypothesis speakers)
    pairs = _assign(together, np.flatnonzero(ref @ scored), np.flatnonzero(hyp @ scored))
    num_ref, num_hyp = np.count_nonzero(ref, axis=0), np.count_nonzero(hyp, axis=0)
    both = np.minimum(num_ref, num_hyp)
    counts = [np.count_nonzero(side @ evaluated) for side in (ref, hyp)]
    errors = DiarizationErrors(
        scored=float(scored @ num_ref) / TICKS,
        missed=float(scored @ (num_ref - both)) / TICKS,
        false_alarm=float(scored @ (num_hyp - both)) / TICKS,
        confusion=float(scored @ both - sum(together[pair] for pair in pairs)) / TICKS,
        jaccard=_jaccard_errors(ref @ scored, hyp @ scored, together, pairs),
        scored_speakers=int(np.count_nonzero(ref @ scored)),
        reference_speakers=int(counts[0]),
        hypothesis_speakers=int(counts[1]),
        recordings=1,
        right_number=int(counts[0] == counts[1]),
    )
    return Comparison(errors, {hyp_speakers[h]: ref_speakers[r] for r, h in pairs})


def _ticks(intervals):
    """Converts [(start, end), ...] in seconds to whole ticks, int64 (n, 2)."""
    return np.rint(np.array(list(intervals), float).reshape(-1, 2) * TICKS).astype(np.int64)


def _extent(turns):
    """Returns the one interval that holds all turns, or none."""
    return [(min(turn.start for turn in turns), max(turn.end for turn in turns))] if turns else []


def _speakers(turns):
    """Returns (names in C order, speaker of each turn (n,), times of each turn in ticks (n, 2))."""
    names = sorted({turn.speaker for turn in turns})
    index = {name: i for i, name in enumerate(names)}
    return names, np.array([index[turn.speaker] for turn in turns], int), _ticks((t.start, t.end) for t in turns)


def _collars(times, collar):
    """Returns the intervals of `collar` seconds on each side of starts and ends, in ticks."""
    width = round(collar * TICKS)
    edges = times.reshape(-1, 1) if width else times[:0, :1]
    return np.concatenate([edges - width, edges + width], axis=1)


def _counts(bounds, times, rows, num_rows):
    """Counts the intervals of each row that cover each cell between two bounds: (num_rows, cells)."""
    steps = np.zeros((num_rows, max(len(bounds), 1)), int)
    np.add.at(steps, (rows, np.searchsorted(bounds, times[:, 0])), 1)
    np.add.at(steps, (rows, np.searchsorted(bounds, times[:, 1])), -1)
    return np.cumsum(steps, axis=1)[:, :-1]


def _covered(bounds, times):
    """Tells which cells between two bounds lie in any interval: bool (cells,)."""
    return _counts(bounds, times, np.zeros(len(times), int), 1)[0] > 0


def _assign(together, rows, columns):
    """Returns the pairs (row, column), out of these, that share the most speech in all.

    Several such assignments may exist, with one DER but not one JER. The solver's choice depends on the order of the
    speakers; it is that of pyannote.metrics, which numbers hypothesis speakers and sorts the numbers as text.
    """
    columns = [columns[number] for number in sorted(range(len(columns)), key=str)]
    found = linear_sum_assignment(together[np.ix_(rows, columns)], maximize=True)
    pairs = ((rows[r], columns[h]) for r, h in zip(*found, strict=True))
    return [(r, h) for r, h in pairs if together[r, h] > 0]


def _jaccard_errors(ref_speech, hyp_speech, together, pairs):
    """Sums 1 - intersection / union over the assigned speakers, and 1 for each reference speaker without one."""
    shared = sum(together[r, h] / (ref_speech[r] + hyp_speech[h] - together[r, h]) for r, h in pairs)
    return float(np.count_nonzero(ref_speech) - shared)
