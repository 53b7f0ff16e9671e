"""Switchboard 2 phases 1 to 3 and Switchboard Cellular parts 1 and 2: two-channel calls in SPHERE.

docs/callinfo.tbl (Switchboard 2) has a line per side, `sw_10021.sph,...,PIN,A,...`; some copies have only
docs/callstat.tbl, with a line per call. doc or docs/swb_callstats.tbl (Cellular) has a line per call,
`CALL,PIN,PIN,SEX,SEX,...`, with the caller on channel A. spkrinfo.tbl and swb_callsubjects.tbl have `PIN,SEX,...`. A
PIN is the same person in all of these corpora.
"""

import re

from sre_sets import channel_of, side_utterance
from sre_tables import read_rows

from nnet.errors import InputError

# Columns of both PINs in callstat.tbl, counted from 0.
CALLSTAT = {"swb2p1": (2, 3), "swb2p3": (3, 4)}
# Calls whose audio does not match the tables, according to Kaldi's recipes.
BAD_CALLS = {"swbc1": ("40019", "40022", "45024"), "swbc2": ("40022", "45024")}


def read_switchboard(release, corpus, max_missing):
    """Reads the Utterances of swb2p1, swb2p2, swb2p3, swbc1 or swbc2."""
    release.refuse_empty()
    table, sides = _cellular_sides(release) if corpus.startswith("swbc") else _phase_sides(release, corpus)
    sexes = _sexes(release)
    names = {call: f"sw_{call}" for call, _, _ in sides}
    paths = {name: release.recording(name) or release.recording(f"sw{call}") for call, name in names.items()}
    release.check_missing(paths, table, max_missing)
    utterances = []
    for call, channel, pin in sides:
        path = paths[names[call]]
        if path and call in BAD_CALLS.get(corpus, ()):
            release.skip(path, "known to be bad")
        elif path:
            utterances.append(side_utterance(f"sw{pin}", f"{corpus}_{call}", path, channel, sexes.get(pin, "")))
    return utterances


def _phase_sides(release, corpus):
    """Reads the sides of a phase of Switchboard 2: (path of the table, [(call, channel, PIN)])."""
    if not release.tables(r"callinfo\.tbl") and release.tables(r"callstat\.tbl") and corpus in CALLSTAT:
        table = release.table(r"callstat\.tbl", "docs/callstat.tbl")
        return table, _sides_of_calls(table, *CALLSTAT[corpus])
    table = release.table(r"callinfo\.tbl", "docs/callinfo.tbl")
    sides = []
    for number, cells in read_rows(table, ","):
        if len(cells) < 4 or not cells[2].isdecimal():
            raise InputError(f"{table}:{number}: expected `sw_CALL.sph,...,PIN,SIDE,...`, found {','.join(cells)!r}")
        sides.append((_call(cells[0]), channel_of(cells[3], f"{table}:{number}"), cells[2]))
    return table, sides


def _cellular_sides(release):
    table = release.table(r"swb_callstats\.tbl", "docs/swb_callstats.tbl")
    return table, _sides_of_calls(table, 1, 2)


def _sides_of_calls(table, first, second):
    sides = []
    for number, cells in read_rows(table, ","):
        if len(cells) <= second or not (cells[first].isdecimal() and cells[second].isdecimal()):
            raise InputError(
                f"{table}:{number}: expected PINs in columns {first + 1} and {second + 1}: {','.join(cells)!r}"
            )
        sides += [(_call(cells[0]), 0, cells[first]), (_call(cells[0]), 1, cells[second])]
    return sides


def _call(text):
    """Extracts the number of a call from sw_10021.sph, sw10021 or 10021."""
    return re.sub(r"^sw_?|\.\w+$", "", text.lower())


def _sexes(release):
    """Reads {PIN: m or f}, where documented."""
    tables = release.tables(r"spkrinfo\.tbl|swb_callsubjects\.tbl")
    return {cells[0]: cells[1].lower() for table in tables for _, cells in read_rows(table, ",") if len(cells) > 1}
