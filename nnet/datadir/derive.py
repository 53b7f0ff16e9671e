"""Copies, subsets and splits of a data directory."""

import contextlib
import logging
import os
import random

from nnet.datadir.directory import ALL_FILES, RECORDING_FILES, SPEAKER_FILES, UTTERANCE_FILES, WHOLE_FILES, examples
from nnet.errors import InputError
from nnet.files import atomic_write, remove_file
from nnet.kaldi.tables import invert_utt2spk, write_table
from nnet.locks import locked

logger = logging.getLogger(__name__)


class Renaming:
    """Prefixes and suffixes to add to utterance and speaker ids."""

    def __init__(self, utt_prefix="", utt_suffix="", spk_prefix="", spk_suffix=""):
        self._utterance = utt_prefix, utt_suffix
        self._speaker = spk_prefix, spk_suffix
        for affix in (*self._utterance, *self._speaker):
            if affix.split() != [affix] * bool(affix):
                raise InputError(f"{affix!r}: an id cannot contain a blank")

    def utterance(self, name):
        """Returns the new id of an utterance."""
        return name.join(self._utterance)

    def speaker(self, name):
        """Returns the new id of a speaker."""
        return name.join(self._speaker)

    @property
    def renames_utterances(self):
        return any(self._utterance)


def copy(source, destination, renaming=None):
    """Copies a DataDir to the path `destination`; `renaming` changes utterance and speaker ids."""
    renaming = renaming or Renaming()
    write_parts(source, [destination], dict.fromkeys(source.utt2spk, 0), renaming)
    if renaming.renames_utterances and not source.has("utt2uniq"):
        path = os.path.join(destination, "utt2uniq")
        write_table(path, {renaming.utterance(utterance): utterance for utterance in source.utt2spk})


def subset(source, utterances, destination):
    """Writes the data directory of some utterances of `source`, with their recordings and speakers."""
    write_parts(source, [destination], dict.fromkeys(utterances, 0))


def split(source, parts, by_utterance=False):
    """Splits a DataDir into its subdirectories `splitN/1` ... `splitN/N` (`splitNutt/...` if by utterance).

    Speakers are not divided unless `by_utterance`.

    Returns:
        paths of the parts.

    Raises:
        InputError: more parts than speakers (or utterances).
    """
    if parts < 1:
        raise InputError(f"{source.path}: cannot be split into {parts} parts")
    groups = [[u] for u in source.utt2spk] if by_utterance else list(source.spk2utt.values())
    if len(groups) < parts:
        what = "utterances" if by_utterance else "speakers"
        hint = "" if by_utterance or len(source.utt2spk) < parts else ", or split by utterance (--per-utt)"
        raise InputError(f"{source.path}: has {len(groups)} {what}, too few for {parts} jobs; use fewer jobs{hint}")
    part_of = {}
    for group, part in zip(groups, _balance([len(group) for group in groups], parts), strict=True):
        part_of.update(dict.fromkeys(group, part))
    root = source.file(f"split{parts}{'utt' if by_utterance else ''}")
    destinations = [os.path.join(root, str(part + 1)) for part in range(parts)]
    write_parts(source, destinations, part_of)
    return destinations


def _balance(sizes, parts):
    """Assigns each group, in order, to a part: parts are consecutive, not empty, and of about equal total size."""
    total, done, part, assignment = sum(sizes), 0, 0, []
    for index, size in enumerate(sizes):
        groups_left = len(sizes) - index
        must_go_on = groups_left == parts - part - 1
        full = (done + size / 2) * parts > total * (part + 1)
        if assignment and assignment[-1] == part and part < parts - 1 and (full or must_go_on):
            part += 1
        assignment.append(part)
        done += size
    return assignment


def write_parts(source, destinations, part_of, renaming=None):
    """Distributes the utterances of one data directory over several; each file of the source is read once.

    Args:
        source: a DataDir.
        destinations: paths of the parts; existing files are replaced or removed.
        part_of: `{utterance: index of its part}`; other utterances are dropped.
        renaming: a Renaming, or None.
    """
    for destination in destinations:
        refuse_same(source, destination)
    with contextlib.ExitStack() as locks:
        for destination in destinations:
            locks.enter_context(locked(destination, wait=True))
        _write_parts(source, destinations, part_of, renaming or Renaming())


def _write_parts(source, destinations, part_of, renaming):
    utterances = {u: (part_of[u],) for u in source.utt2spk if u in part_of}
    for destination in destinations:
        for name in ALL_FILES:
            # utt2spk is removed first and written last: a half-written directory is not valid without it
            if name == "utt2spk" or not source.has(name):
                remove_file(os.path.join(destination, name))
    for name in UTTERANCE_FILES:
        _distribute(source, name, destinations, utterances, renaming.utterance)
    recordings = _owners(utterances, {u: s[0] for u, s in source.segments.items()}) if source.segments else utterances
    for name in RECORDING_FILES:
        _distribute(source, name, destinations, recordings, str if source.segments else renaming.utterance)
    speakers = _owners(utterances, source.utt2spk)
    for name in SPEAKER_FILES:
        _distribute(source, name, destinations, speakers, renaming.speaker)
    for name in filter(source.has, WHOLE_FILES):
        for destination in destinations:
            copy_file(source.file(name), os.path.join(destination, name))
    _write_speakers(source, destinations, utterances, renaming)


def _owners(utterances, owner_of):
    """Returns `{recording or speaker: indices of the parts that need it}`."""
    owners = {}
    for utterance, (part,) in utterances.items():
        if utterance in owner_of:
            owners.setdefault(owner_of[utterance], set()).add(part)
    return owners


def _distribute(source, name, destinations, parts_of, rename):
    if not source.has(name):
        return
    tables = [{} for _ in destinations]
    table = source.table(name)
    for key, value in table.items():
        for part in parts_of.get(key, ()):
            tables[part][rename(key)] = value
    for destination, part in zip(destinations, tables, strict=True):
        write_table(os.path.join(destination, name), part)
    missing = parts_of.keys() - table.keys()
    if missing:
        logger.warning("%s: %d of %d missing: %s", source.file(name), len(missing), len(parts_of), examples(missing))


def _write_speakers(source, destinations, utterances, renaming):
    tables = [{} for _ in destinations]
    for utterance, (part,) in utterances.items():
        tables[part][renaming.utterance(utterance)] = renaming.speaker(source.utt2spk[utterance])
    for destination, utt2spk in zip(destinations, tables, strict=True):
        write_speakers(destination, utt2spk)


def write_speakers(path, utt2spk):
    """Writes spk2utt, then utt2spk, to the data directory at `path`."""
    spk2utt = {speaker: " ".join(utterances) for speaker, utterances in invert_utt2spk(utt2spk).items()}
    write_table(os.path.join(path, "spk2utt"), spk2utt)
    write_table(os.path.join(path, "utt2spk"), utt2spk)


def refuse_same(source, destination):
    """Raises InputError if source and destination are the same directory, which writing would destroy."""
    if os.path.realpath(source.path) == os.path.realpath(destination):
        raise InputError(f"{destination}: source and destination are the same directory")


def copy_file(source, destination):
    """Copies a small file atomically."""
    with open(source, "rb") as file, atomic_write(destination, binary=True) as copied:
        copied.write(file.read())


def evenly(items, count):
    """Picks `count` evenly spread items of a list, as Kaldi's subset_scp.pl does by halving recursively."""
    if count == 0 or not items:
        return []
    if len(items) == 1:
        return list(items)
    half = len(items) // 2
    return evenly(items[:half], count // 2) + evenly(items[half:], count - count // 2)


def select_utterances(data, how, count):
    """Selects utterances of a DataDir for subset_data_dir.sh.

    Args:
        data: a DataDir.
        how: "even" (spread over the list), "first", "last", "shortest" (by utt2num_frames or utt2dur), "per-spk"
            (up to `count` of each speaker, spread), "speakers" (whole speakers in a fixed random order, until
            there are `count` utterances).
        count: number of utterances.

    Raises:
        InputError: `count` is larger than the number of utterances.
    """
    utterances = list(data.utt2spk)
    if how == "per-spk":
        return [u for own in data.spk2utt.values() for u in evenly(own, min(count, len(own)))]
    if count > len(utterances):
        raise InputError(f"{data.path}: {count} utterances requested, the directory has {len(utterances)}")
    if how == "speakers":
        return _whole_speakers(data, count)
    if how == "shortest":
        length = data.utt2num_frames if data.has("utt2num_frames") else data.utt2dur
        missing = [utterance for utterance in utterances if utterance not in length]
        if missing:
            raise InputError(f'{data.path}: no length of "{missing[0]}" in utt2num_frames or utt2dur')
        return sorted(sorted(utterances, key=length.__getitem__)[:count])
    return {"even": evenly, "first": lambda u, n: u[:n], "last": lambda u, n: u[len(u) - n :]}[how](utterances, count)


def _whole_speakers(data, count):
    speakers = list(data.spk2utt)
    random.Random(777).shuffle(speakers)
    chosen = []
    for speaker in speakers:
        if len(chosen) >= count:
            break
        chosen += data.spk2utt[speaker]
    return sorted(chosen)
