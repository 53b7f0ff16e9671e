"""Repairs a data directory: sorts its files and keeps the entries common to all (utils/fix_data_dir.sh)."""

import logging
import os

from nnet.datadir.derive import copy_file, write_speakers
from nnet.datadir.directory import RECORDING_FILES, SPEAKER_FILES, UTTERANCE_FILES, DataDir, examples, parse_segment
from nnet.errors import InputError
from nnet.files import make_directory
from nnet.kaldi.tables import check_after_id, invert_spk2utt, read_lines, read_spk2utt, write_table
from nnet.locks import locked

logger = logging.getLogger(__name__)

LENGTHS = ("utt2dur", "utt2num_frames")  # made from the data


def fix(path, utterance_extras=(), speaker_extras=()):
    """Sorts every file, keeps the entries common to all, and rebuilds spk2utt; changed files are saved in `.backup`.

    Lines without a value, repeated lines, invalid segments and utterances of length zero are removed and counted in the
    log; a table of lengths that lacks utterances is put aside. Running it again changes nothing.

    Args:
        path: the data directory.
        utterance_extras, speaker_extras: names of further files, keyed by utterance or speaker.

    Raises:
        InputError: conflicting lines for one key, or no utterance left.
    """
    data = DataDir(path)
    with locked(path, wait=True):
        _fix(data, utterance_extras, speaker_extras)


def _fix(data, utterance_extras, speaker_extras):
    _make_utt2spk(data)
    utterance_files = [*UTTERANCE_FILES, *utterance_extras]
    recording_files, speaker_files = [*RECORDING_FILES], [*SPEAKER_FILES, *speaker_extras]
    if not data.has("segments"):
        utterance_files += recording_files
        recording_files = []
    utt2spk = _common_entries(data)
    for name in filter(data.has, LENGTHS):
        _put_aside_unless_whole(data, name, utt2spk)
    segments = _good_segments(data)
    recordings = {segments[u] for u in utt2spk if u in segments} if segments is not None else set()
    for names, keys in (
        (["utt2spk", *utterance_files], utt2spk.keys()),
        (recording_files, recordings),
        (speaker_files, set(utt2spk.values())),
    ):
        for name in filter(data.has, names):
            _rewrite(data, name, keys)
    write_speakers(data.path, utt2spk)


def _make_utt2spk(data):
    if not data.has("utt2spk"):
        if not data.has("spk2utt"):
            raise InputError(f"{data.file('utt2spk')}: no such file")
        write_table(data.file("utt2spk"), invert_spk2utt(read_spk2utt(data.file("spk2utt")), data.file("spk2utt")))
        logger.info("%s: made from spk2utt", data.file("utt2spk"))


def _common_entries(data):
    """Returns `{utterance: speaker}` of the utterances that are in every file."""
    utt2spk = {u: s for u, s in _read_loosely(data, "utt2spk").items() if len(s.split()) == 1}
    names = [*UTTERANCE_FILES] if data.has("segments") else [*UTTERANCE_FILES, "wav.scp"]
    for name in filter(data.has, names):
        if name in LENGTHS:
            bad = {key for key, value in _read_loosely(data, name).items() if not _is_positive(value)}
            utt2spk = {u: s for u, s in utt2spk.items() if u not in bad}
        elif name not in ("segments", "utt2uniq"):
            utt2spk = _keep(utt2spk, _read_loosely(data, name))
    segments = _good_segments(data)
    if segments is not None:
        recordings = set(_read_loosely(data, "wav.scp") if data.has("wav.scp") else segments.values())
        utt2spk = _keep(utt2spk, {u for u, recording in segments.items() if recording in recordings})
    for name in filter(data.has, SPEAKER_FILES):
        known = _read_loosely(data, name)
        utt2spk = {u: s for u, s in utt2spk.items() if s in known}
    if not utt2spk:
        raise InputError(f"{data.path}: no utterance is in all files; nothing was changed")
    return utt2spk


def _keep(utt2spk, known):
    return {u: s for u, s in utt2spk.items() if u in known}


def _is_positive(text):
    try:
        return float(text) > 0
    except ValueError:
        return False


def _good_segments(data):
    """Returns `{utterance: recording}` of the valid segments, or None without the file."""
    if not data.has("segments"):
        return None
    good = {}
    for utterance, text in _read_loosely(data, "segments").items():
        try:
            good[utterance] = parse_segment(utterance, text, data.file("segments"))[0]
        except InputError as error:
            logger.warning("%s; removed", error)
    return good


def _read_loosely(data, name):
    """Reads a table in any order; skips lines without a value and identical duplicates."""
    table = {}
    for number, line in read_lines(data.file(name)):
        key, value, *_ = [*line.split(None, 1), "", ""]
        check_after_id(f"{data.file(name)}:{number}", line, key)
        if table.get(key, value) != value:
            raise InputError(f'{data.file(name)}:{number}: "{key}" has two values, "{table[key]}" and "{value}"')
        if value:
            table[key] = value
    return table


def _put_aside_unless_whole(data, name, utt2spk):
    """Moves a table of lengths that lacks utterances to .backup: it can be made again, the utterances cannot."""
    missing = utt2spk.keys() - _read_loosely(data, name).keys()
    if missing:
        backup = data.file(".backup")
        make_directory(backup)
        os.replace(data.file(name), os.path.join(backup, name))
        logger.warning("%s: lacks %s; moved to .backup, make it again", data.file(name), examples(missing))


def _rewrite(data, name, keys):
    """Rewrites a file with the entries `keys` in order, if that changes it; saves the old file in .backup."""
    lines = [line for _, line in read_lines(data.file(name))]
    table = _read_loosely(data, name)
    kept = {key: table[key] for key in sorted(table) if key in keys}
    if [line.split() for line in lines] == [[key, *value.split()] for key, value in kept.items()]:
        return
    backup = data.file(".backup")
    make_directory(backup)
    copy_file(data.file(name), os.path.join(backup, name))
    write_table(data.file(name), kept)
    gone = table.keys() - kept.keys()
    what = f"; removed: {examples(gone)}" if gone else ""
    logger.info("%s: %d of %d lines kept, sorted%s", data.file(name), len(kept), len(lines), what)
