"""Scores the recordings of a hypothesis against those of a reference."""

import dataclasses
import logging
from collections.abc import Mapping, Sequence

from nnet.datadir.directory import examples
from nnet.diarization.der import Comparison, compare_turns
from nnet.diarization.rttm import Turn
from nnet.errors import InputError
from nnet.options import option

log = logging.getLogger(__name__)

Recordings = Mapping[str, Sequence[Turn]]
Regions = Mapping[str, Sequence[tuple[float, float]]]


@dataclasses.dataclass(frozen=True)
class ScoringOptions:
    """What of a recording is scored."""

    collar: float = option(
        0.0, "Seconds that are not scored on each side of the start and end of a reference turn.", low=0
    )
    overlap: bool = option(True, "Score where several reference speakers speak at once.")


def score_recordings(
    reference: Recordings, hypothesis: Recordings, options: ScoringOptions, regions: Regions | None = None
) -> dict[str, Comparison]:
    """Compares the recordings of the reference, or those that `regions` names, with the hypothesis.

    A recording that the hypothesis lacks is missed speech. Recordings of the hypothesis that are not in the reference
    cannot be scored. Both are logged by name and number.

    Args:
        reference, hypothesis: {recording: turns}.
        options: a ScoringOptions.
        regions: {recording: [(start, end), ...]} in seconds, all that is scored; None: each recording from its first to
            its last turn.

    Returns:
        {recording: Comparison}, in C order.

    Raises:
        InputError: there is nothing to score, or no recording of the hypothesis is in the reference.
    """
    names = sorted(reference if regions is None else regions)
    if not names or not any(reference.values()):
        raise InputError("there is nothing to score: the reference, or the UEM, has no recordings")
    known = set(reference) | set(names)
    if hypothesis and not known & set(hypothesis):
        raise InputError(
            f"no recording of the hypothesis ({examples(hypothesis)}) is in the reference ({examples(reference)}); "
            "do they have the same names?"
        )
    _warn(set(names) - set(hypothesis), "not in the hypothesis: all their speech counts as missed")
    _warn(set(hypothesis) - known, "in the hypothesis only: not scored")
    _warn(set(reference) - set(names), "not in the UEM: not scored")
    _warn(set(names) - set(reference), "in the UEM, but without speech in the reference: all speech is a false alarm")
    for side, turns in (("reference", reference), ("hypothesis", hypothesis)):
        own = sum(count_own_overlaps(turns.get(name, ())) for name in names)
        if own:
            log.warning(
                "%d turns of the %s overlap one of the same speaker: it counts once (--overlap false: not at all)",
                own,
                side,
            )
    return {
        name: compare_turns(
            reference.get(name, ()),
            hypothesis.get(name, ()),
            options.collar,
            options.overlap,
            regions[name] if regions is not None else None,
        )
        for name in names
    }


def count_own_overlaps(turns: Sequence[Turn]) -> int:
    """Counts the turns of a recording that start before an earlier turn of their speaker ends."""
    ends: dict[str, float] = {}
    count = 0
    for turn in sorted(turns, key=lambda turn: turn.start):
        count += turn.start < ends.get(turn.speaker, 0.0) - 1e-6  # beyond the rounding of start + duration
        ends[turn.speaker] = max(turn.end, ends.get(turn.speaker, 0.0))
    return count


def _warn(names: set[str], what: str) -> None:
    if names:
        log.warning("%d recordings (%s) are %s", len(names), examples(names), what)
