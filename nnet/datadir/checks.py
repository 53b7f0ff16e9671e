"""Checks across data directories: shared speakers and utterances, duplicate audio, trials without data."""

import hashlib
import os
import shlex
from collections import namedtuple

from nnet.audio.reading import audio_duration
from nnet.kaldi.trials import read_trials
from nnet.progress import progress

MEASURED = 100  # recordings whose duration is read if there is no utt2dur
PROBE = 4096  # bytes from the middle of a file that are compared first

Summary = namedtuple("Summary", "speakers utterances sessions hours exact shortest longest")
Summary.__doc__ = "Counts of a data directory; hours, shortest and longest (s) are those of a sample unless `exact`."


def summarize(data, session_of):
    """Computes the Summary of a DataDir; `session_of` maps an utterance to its session."""
    data.require_utterances()
    durations, exact = _durations(data)
    hours = sum(durations) / len(durations) * len(data.utt2spk) / 3600
    sessions = {(speaker, session_of(u)) for u, speaker in data.utt2spk.items()}
    return Summary(
        len(data.spk2utt), len(data.utt2spk), len(sessions), hours, exact, min(durations), max(durations)
    )  # fmt: skip


def _durations(data):
    """Returns durations in seconds, and whether they cover all utterances."""
    if data.has("utt2dur"):
        return list(data.utt2dur.values()), True
    segments = data.segments
    if segments and all(end > 0 for _, _, end, _ in segments.values()):
        return [end - start for _, start, end, _ in segments.values()], True
    entries = list(data.wav_scp.items())
    step = -(-len(entries) // MEASURED)
    where = data.file("wav.scp")
    return [audio_duration(rx, f'{where}: "{u}"') for u, rx in entries[::step]], step == 1


def shared_ids(one, other):
    """Returns (speakers, utterances) that two DataDirs have in common, as sorted lists."""
    return sorted(one.spk2utt.keys() & other.spk2utt.keys()), sorted(one.utt2spk.keys() & other.utt2spk.keys())


def unknown_trial_ids(path, enroll, test):
    """Returns the ids of a trial list that the data lack, as sorted lists (enroll ids, test ids).

    Args:
        path: the trial list.
        enroll, test: DataDirs; an enroll id may be an utterance or a speaker.
    """
    trials = read_trials(path)
    return (
        sorted(set(trials.enroll_ids) - enroll.utt2spk.keys() - enroll.spk2utt.keys()),
        sorted(set(trials.test_ids) - test.utt2spk.keys()),
    )


def duplicate_audio(wav_scps):
    """Finds groups of recordings with identical bytes: lists of (index of the table, recording), sorted.

    Only files of equal size are opened, and only those with the same bytes in the middle are read completely. Commands
    must be equal too, so that the two channels of a file are different recordings.

    Args:
        wav_scps: tables {recording: path or command}.
    """
    groups = {}
    for position, table in enumerate(wav_scps):
        for recording, rx in progress(table.items(), len(table), "looking for duplicate audio", "files"):
            path, treatment = _file_of(rx)
            if path:
                key = treatment, os.path.getsize(path)
                groups.setdefault(key, []).append((position, recording, path))
    for digest in (_middle, _whole):
        groups = _regrouped(groups, digest)
    return sorted([(position, recording) for position, recording, _ in group] for group in groups.values())


def _regrouped(groups, digest):
    finer = {}
    for key, group in groups.items():
        if len(group) > 1:
            for entry in group:
                finer.setdefault((key, digest(entry[2])), []).append(entry)
    return {key: group for key, group in finer.items() if len(group) > 1}


def _file_of(rx):
    """Splits a wav.scp entry into (path, rest of the command); (None, None) if it does not read exactly one file."""
    if not rx.endswith("|"):
        return (rx, "") if os.path.isfile(rx) else (None, None)
    try:
        words = shlex.split(rx[:-1])
    except ValueError:
        return None, None
    files = [w for w in words[1:] if os.path.isfile(w)]
    return (files[0], " ".join(w for w in words if w != files[0])) if len(files) == 1 else (None, None)


def _middle(path):
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size // 2 - PROBE // 2))
        return hashlib.blake2b(file.read(PROBE), digest_size=16).digest()


def _whole(path):
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.digest()
