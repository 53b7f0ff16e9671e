"""Mixer 6 (LDC2013S03): telephone calls, and room-microphone recordings of calls during interview sessions.

docs/mx6_calls.csv: call_id, ..., sid_a, ..., sid_b, ...; data/ulaw_sphere/DATE_TIME_CALL.sph, two channels.
docs/mx6_ivcomponents.csv: session_id, ..., call_bgn, call_end in seconds; data/pcm_flac/CHnn/SESSION_CHnn.flac, 16 kHz,
where SESSION is DATE_TIME_ROOM_SUBJECT. docs/mx6_subjs.csv: subjid, sex, ...

As in Kaldi's sre16 recipe, uses all calls; from the sessions, the call, where room microphones record the subject only:
microphone 2, worn by the subject, and 2000 recordings of microphones 4 to 13. Microphone 1 is the interviewer's; 3 and
14 are often silent.
"""

from sre_sets import Utterance, side_utterance
from sre_tables import read_named

from nnet.datadir.derive import evenly

WORN, IN_THE_ROOM = 2, range(4, 14)
ROOM_RECORDINGS = 2000


def read_mixer6(release, max_missing):
    """Reads the Utterances of calls and, if present, of microphones."""
    release.refuse_empty()
    table = release.table(r"mx6_subjs\.csv", "docs/mx6_subjs.csv")
    sexes = {row["subject"]: row["sex"] for row in read_named(table, {"subject": ("subjid",), "sex": ("sex",)})}
    return _calls(release, sexes, max_missing) + _microphones(release, sexes)


def _calls(release, sexes, max_missing):
    table = release.table(r"mx6_calls\.csv", "docs/mx6_calls.csv")
    rows = read_named(table, {"call": ("call_id",), "a": ("sid_a",), "b": ("sid_b",)})
    names = {name.rpartition("_")[2]: name for name in release.names("ulaw_sphere")}
    paths = {row["call"]: row["call"] in names and release.recording(names[row["call"]]) or None for row in rows}
    release.check_missing(paths, table, max_missing)
    return [
        side_utterance(row[side], f"mx6_{row['call']}", paths[row["call"]], channel, sexes.get(row[side], ""))
        for row in rows
        for channel, side in enumerate("ab")
        if paths[row["call"]] and row[side].isdecimal()
    ]


def _microphones(release, sexes):
    there = set(release.names("pcm_flac"))
    if not there:
        return []
    table = release.table(r"mx6_ivcomponents\.csv", "docs/mx6_ivcomponents.csv")
    rows = read_named(table, {"session": ("session_id",), "start": ("call_bgn",), "end": ("call_end",)})
    worn = [(row, WORN) for row in rows if _file(row, WORN) in there]
    others = [(row, m) for row in rows for m in IN_THE_ROOM if _file(row, m) in there]
    chosen = evenly(others, min(ROOM_RECORDINGS, len(others)))
    _note_others(release, others, chosen)
    return [u for row, m in worn + chosen if (u := _heard(row, m, table, release, sexes))]


def _note_others(release, others, chosen):
    names = {_file(*one) for one in chosen}
    for one in others:
        if _file(*one) not in names:
            release.skip(release.recording(_file(*one)), f"room microphone not among the {ROOM_RECORDINGS} used")


def _file(row, microphone):
    return f"{row['session']}_ch{microphone:02d}".lower()


def _heard(row, microphone, table, release, sexes):
    """Returns the Utterance of a session's call recorded by a microphone; None if there was no call."""
    name, path = _file(row, microphone), release.recording(_file(row, microphone))
    try:
        span, speaker = (float(row["start"]), float(row["end"])), row["session"].split("_")[3]
    except (ValueError, IndexError):
        release.skip(path, f"no call of the session in {table.name}")
        return None
    utterance = f"{speaker}-mx6_{row['session']}-ch{microphone:02d}"
    return Utterance(utterance, speaker, f"mx6_{name}", path, gender=sexes.get(speaker, ""), span=span)
