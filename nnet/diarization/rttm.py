"""Turns of speakers in NIST's RTTM, and the regions to score in NIST's UEM.

Formats: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", appendix A. A SPEAKER line is
`SPEAKER recording channel start duration <NA> <NA> speaker confidence lookahead`, a UEM line is
`recording channel start end`; all times are in seconds.
"""

import collections
import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nnet.datadir.directory import MAX_SECONDS
from nnet.errors import InputError
from nnet.files import AnyPath, atomic_write
from nnet.kaldi.tables import read_lines

log = logging.getLogger(__name__)

_METADATA = {
    "SEGMENT",
    "NOSCORE",
    "NO_RT_METADATA",
    "NON-SPEECH",
    "FILLER",
    "EDIT",
    "IP",
    "SU",
    "CB",
    "A/P",
    "SPKR-INFO",
}
OTHER_TYPES = _METADATA | {"LEXEME", "NON-LEX"}
FIELDS = 9, 10  # of a SPEAKER line; the last one, the look-ahead time, came in 2009
NONE = "<NA>"


@dataclass(frozen=True)
class Turn:
    """One speaker's speech from `start` to `end`, in seconds, in a recording."""

    recording: str
    start: float
    end: float
    speaker: str


def read_rttm(path: AnyPath) -> dict[str, list[Turn]]:
    """Reads the turns of each recording, sorted by start, as `{recording: turns}`; recordings are in C order.

    Lines may be in any order. Comments (`;;`) and empty lines are skipped; so are lines of NIST's other types and turns
    of no duration, whose numbers are logged. The channel is ignored.

    Raises:
        InputError: the file cannot be read, or a line is malformed: an unknown type, a wrong number of fields, a time
            that is negative or no number, no speaker.
    """
    recordings: dict[str, list[Turn]] = {}
    skipped: collections.Counter[str] = collections.Counter()
    for where, words in _fields(path):
        if words[0] in OTHER_TYPES:
            skipped[f"{words[0]} lines"] += 1
            continue
        turn = _turn(words, where)
        if turn.start < turn.end:
            recordings.setdefault(turn.recording, []).append(turn)
        else:
            skipped["turns of no duration"] += 1
    if skipped:
        log.warning("%s: skipped %s", path, ", ".join(f"{n} {what}" for what, n in sorted(skipped.items())))
    return {name: sorted(recordings[name], key=_order) for name in sorted(recordings)}


def write_rttm(path: AnyPath, turns: Iterable[Turn]) -> None:
    """Writes turns atomically, as `rttm_lines` makes them; raises InputError as well if the file cannot be written."""
    lines = rttm_lines(turns, path)
    with atomic_write(path) as file:
        file.writelines(lines)


def rttm_lines(turns: Iterable[Turn], where: AnyPath) -> list[str]:
    """Returns the lines of turns, sorted by recording and start, with times in milliseconds.

    Turns that round to no duration are left out; their number is logged.

    Args:
        turns: Turns.
        where: name of the output in messages.

    Raises:
        InputError: a turn has times that are no times, or names that are not one word.
    """
    lines, short = [], 0
    for turn in sorted(turns, key=_order):
        _check(turn, where)
        start, end = round(1000 * turn.start), round(1000 * turn.end)
        if start < end:
            times = f"{start / 1000:.3f} {(end - start) / 1000:.3f}"
            lines.append(f"SPEAKER {turn.recording} 1 {times} {NONE} {NONE} {turn.speaker} {NONE} {NONE}\n")
        else:
            short += 1
    if short:
        log.warning("%s: left out %d turns shorter than a millisecond", where, short)
    return lines


def read_uem(path: AnyPath) -> dict[str, list[tuple[float, float]]]:
    """Reads the regions to score as `{recording: [(start, end), ...]}`, sorted, in seconds.

    Comments and empty lines are skipped; the channel is ignored.

    Raises:
        InputError: the file cannot be read, a line is malformed, or a region does not end after its start.
    """
    recordings: dict[str, list[tuple[float, float]]] = {}
    for where, words in _fields(path):
        if len(words) != 4:
            raise InputError(f'{where}: has {len(words)} fields, expected 4: "recording channel start end"')
        start, end = _seconds(words[2], "start", where), _seconds(words[3], "end", where)
        if not start < end:
            raise InputError(f"{where}: the region ends at {words[3]}, not after its start at {words[2]}")
        recordings.setdefault(words[0], []).append((start, end))
    return {name: sorted(recordings[name]) for name in sorted(recordings)}


def _fields(path: AnyPath) -> Iterator[tuple[str, list[str]]]:
    """Yields ("file:line", words) of the lines that are neither empty nor comments."""
    for number, line in read_lines(path):
        if line and not line.startswith(";;"):
            yield f"{path}:{number}", line.split()


def _turn(words: list[str], where: str) -> Turn:
    if words[0] != "SPEAKER":
        raise InputError(f'{where}: "{words[0]}" is no type of an RTTM line; a turn is a line SPEAKER')
    if len(words) not in FIELDS:
        raise InputError(f"{where}: has {len(words)} fields, expected {FIELDS[1]}, the speaker being the eighth")
    if words[7] == NONE:
        raise InputError(f"{where}: has no speaker (field 8)")
    start, duration = _seconds(words[3], "start", where), _seconds(words[4], "duration", where)
    return Turn(words[1], start, start + duration, words[7])


def _seconds(text: str, what: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < MAX_SECONDS:
        raise InputError(f"{where}: the {what} must be a number of seconds, 0 or more, not {text!r}")
    return value


def _check(turn: Turn, path: AnyPath) -> None:
    for name in (turn.recording, turn.speaker):
        if len(name.split()) != 1 or name.strip() != name:
            raise InputError(f'{path}: not written: "{name}" of {turn} must be one word')
    if not 0 <= turn.start <= turn.end < MAX_SECONDS:
        raise InputError(f"{path}: not written: {turn} does not have times 0 <= start <= end")


def _order(turn: Turn) -> tuple[str, float, float, str]:
    return turn.recording, turn.start, turn.end, turn.speaker
