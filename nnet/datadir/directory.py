"""A Kaldi data directory: which files it contains, and how each is read.

Operations are in the other modules: validate.py checks, fix.py repairs, derive.py copies, takes subsets and splits,
combine.py combines several directories, job_outputs.py merges the outputs of parallel jobs.
"""

import functools
import os
from collections.abc import Iterable
from typing import Any

from nnet.errors import InputError
from nnet.files import AnyPath, check_entries, read_json
from nnet.kaldi.tables import (
    check_utt2spk,
    invert_spk2utt,
    invert_utt2spk,
    parse_numbers,
    read_list,
    read_numbers,
    read_spk2utt,
    read_table,
    read_utt2spk,
    write_table,
)

__all__ = [
    "DataDir",
    "invert_spk2utt",
    "invert_utt2spk",
    "read_list",
    "read_numbers",
    "read_spk2utt",
    "read_table",
    "read_utt2spk",
    "write_table",
]

UTTERANCE_FILES = ("segments", "feats.scp", "vad.scp", "text", "utt2lang", "utt2uniq", "utt2dur", "utt2num_frames")
RECORDING_FILES = ("wav.scp", "reco2dur", "reco2file_and_channel")  # without segments, a recording is an utterance
SPEAKER_FILES = ("spk2gender", "cmvn.scp")
WHOLE_FILES = ("feats_conf.json", "frame_shift")  # describe the whole directory
ALL_FILES = ("utt2spk", "spk2utt", *UTTERANCE_FILES, *RECORDING_FILES, *SPEAKER_FILES, *WHOLE_FILES)

MAX_SECONDS = 1e8  # three years: a time beyond it is no time in a recording


class DataDir:
    """Files of a data directory, each read on first access.

    >>> data = nnet.DataDir("data/train")
    >>> data.utt2spk["s000-u0"]
    's000'
    >>> features = nnet.read_matrix(data.feats["s000-u0"])

    Every table except `segments` raises InputError if its file is missing; `has("feats.scp")` tests for it.
    """

    def __init__(self, path: AnyPath, tables: dict[str, dict[str, str] | None] | None = None) -> None:
        """
        Args:
            path: the directory.
            tables: `{file name: table}`, used instead of these files; None hides the file.
        """
        self.path = os.fspath(path).rstrip("/") or "/"
        self._tables = tables or {}
        if not os.path.isdir(self.path):
            raise InputError(f"{self.path}: no such data directory")

    def with_tables(self, tables: dict[str, dict[str, str] | None]) -> "DataDir":
        """Returns the DataDir with some tables replaced, as the constructor takes them.

        Nothing changes on disk; `nnet.datadir.derive.subset` writes the result.
        """
        return DataDir(self.path, {**self._tables, **tables})

    def file(self, name: str) -> str:
        """Returns the path of a file of the directory."""
        return os.path.join(self.path, name)

    def has(self, name: str) -> bool:
        """Returns whether the directory contains the file."""
        if name in self._tables:
            return self._tables[name] is not None
        return os.path.isfile(self.file(name))

    def require_utterances(self) -> None:
        """Raises InputError if there are none."""
        if not self.utt2spk:
            raise InputError(f"{self.file('utt2spk')}: no utterances")

    def table(self, name: str) -> dict[str, str]:
        """Reads a file as `{key: rest of the line}`."""
        if name not in self._tables:
            return read_table(self.file(name))
        table = self._tables[name]
        if table is None:
            raise InputError(f"{self.file(name)}: not available in this derived data directory")
        return dict(table)

    def numbers(self, name: str, kind: type = float) -> dict[str, Any]:
        """Reads a file of numbers as `{key: number}`, such as reco2dur."""
        return parse_numbers(self.table(name), self.file(name), kind)

    @functools.cached_property
    def wav_scp(self) -> dict[str, str]:
        """`{recording: path or "command |"}`."""
        return self.table("wav.scp")

    @functools.cached_property
    def segments(self) -> dict[str, tuple[str, float, float, int | None]] | None:
        """`{utterance: (recording, start, end, channel)}`, or None if there is no such file.

        Times are in seconds; an end of -1 is the end of the recording. Channels count from 0; None: not specified.
        """
        if not self.has("segments"):
            return None
        return {u: parse_segment(u, text, self.file("segments")) for u, text in self.table("segments").items()}

    @functools.cached_property
    def utt2spk(self) -> dict[str, str]:
        """`{utterance: speaker}`."""
        return check_utt2spk(self.table("utt2spk"), self.file("utt2spk"))

    @functools.cached_property
    def spk2utt(self) -> dict[str, list[str]]:
        """`{speaker: [utterances]}`, derived from utt2spk."""
        return dict(sorted(invert_utt2spk(self.utt2spk).items()))

    @functools.cached_property
    def feats(self) -> dict[str, str]:
        """`{utterance: ark:offset}` of feats.scp."""
        return self.table("feats.scp")

    @functools.cached_property
    def vad(self) -> dict[str, str]:
        """`{utterance: ark:offset}` of vad.scp."""
        return self.table("vad.scp")

    @functools.cached_property
    def utt2num_frames(self) -> dict[str, int]:
        """`{utterance: frames}`."""
        return self.numbers("utt2num_frames", int)

    @functools.cached_property
    def utt2dur(self) -> dict[str, float]:
        """`{utterance: seconds}`."""
        return self.numbers("utt2dur")

    @functools.cached_property
    def feats_conf(self) -> dict[str, Any] | None:
        """Content of feats_conf.json, the configuration of the features, or None."""
        path = self.file("feats_conf.json")
        if not self.has("feats_conf.json"):
            return None
        conf = read_json(path)
        check_feats_conf(conf, path)
        return conf


def check_feats_conf(conf: dict[str, Any], where: str) -> None:
    """Raises InputError unless a JSON object has the entries of feats_conf.json; use checks its options."""
    check_entries(conf, {"type": str, "options": dict, "cmvn": str, "silence_removed": bool}, where)
    check_entries({"vad": {}} | conf, {"vad": dict}, where)


def parse_segment(utterance: str, text: str, path: str) -> tuple[str, float, float, int | None]:
    """Parses a line of segments as `(recording, start, end, channel or None)`."""
    words = text.split()
    try:
        start, end = float(words[1]), float(words[2])
        channel = int(words[3]) if len(words) > 3 else None
    except (IndexError, ValueError):
        words = []
    if len(words) not in (3, 4) or not (0 <= start < MAX_SECONDS and (start < end < MAX_SECONDS or end == -1)):
        words = []
    if not words or not 0 <= (channel or 0) < 1 << 16:
        raise InputError(
            f'{path}: "{utterance}": "{text}" is not "recording start end [channel]", in seconds with start < end'
        )
    return words[0], start, end, channel


def examples(names: Iterable[str], limit: int = 3) -> str:
    """Lists the first few names and the number of the others, for a message."""
    names = sorted(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
