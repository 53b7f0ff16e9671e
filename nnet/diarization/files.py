"""Windows of recordings with their embeddings as files, so that another clustering needs no network.

A directory of them holds `xvector.scp` (embeddings of windows), `segments` (windows, in Kaldi's format) and
`speech/segments` (segments of speech), which also serves as a data directory of known speech.
"""

import os
from collections.abc import Iterator

import numpy as np

from nnet.backend.embeddings import read_utterances
from nnet.datadir.directory import DataDir
from nnet.diarization.diarizer import Windows
from nnet.diarization.speech import given_segments
from nnet.errors import InputError
from nnet.files import make_directory
from nnet.kaldi.ark import ArkWriter
from nnet.kaldi.tables import read_table, write_table


class WindowWriter:
    """Writes OUT.ark, OUT.scp, OUT.segments and OUT.speech, the tables when the `with` block ends without an error.

    Args:
        out: path of the files without their extensions.
    """

    def __init__(self, out: str) -> None:
        self._out = out
        self._windows: dict[str, str] = {}
        self._speech: dict[str, str] = {}

    def write(self, recording: str, windows: Windows) -> None:
        """Writes the windows of a recording."""
        self._speech.update(_lines(recording, windows.segments))
        lines = _lines(recording, windows.spans)
        for name, vector in zip(lines, windows.vectors, strict=True):
            self._ark.write(name, vector)
        self._windows.update(lines)

    def __enter__(self) -> "WindowWriter":
        self._ark = ArkWriter(self._out + ".ark", self._out + ".scp")
        self._ark.__enter__()
        return self

    def __exit__(self, kind, *error) -> None:
        self._ark.__exit__(kind, *error)
        if kind is None:
            write_table(self._out + ".segments", self._windows)
            write_table(self._out + ".speech", self._speech)


def _lines(recording, spans):
    """Names spans as Kaldi does, by recording, start and end: {name: line of `segments`}."""
    return {
        f"{recording}-{round(1000 * start):09d}-{round(1000 * end):09d}": f"{recording} {start:.3f} {end:.3f}"
        for start, end in spans
    }


def merge_windows(directory: str, out: str, jobs: int) -> None:
    """Puts the files OUT.1.* ... OUT.N.* of WindowWriters together in a directory."""
    make_directory(os.path.join(directory, "speech"))
    for name, ending in (("speech/segments", "speech"), ("segments", "segments"), ("xvector.scp", "scp")):
        table: dict[str, str] = {}
        for job in range(1, jobs + 1):
            table.update(read_table(f"{out}.{job}.{ending}", check_sorted=False))
        write_table(os.path.join(directory, name), table)


def read_windows(directory: str) -> Iterator[tuple[str, Windows]]:
    """Yields (recording, Windows) of a directory, in C order.

    Raises:
        InputError: a file is missing, or the tables do not fit together.
    """
    data = DataDir(directory)
    speech = given_segments(DataDir(os.path.join(directory, "speech")))
    if not speech:
        raise InputError(f"{directory}/speech/segments: no speech was found, or --overlap local kept no windows")
    rows: dict[str, list] = {}
    if data.table("xvector.scp"):
        embeddings = read_utterances(directory)
        windows = _segments(data)
        for i, name in enumerate(embeddings.ids):
            if name not in windows:
                raise InputError(f'{data.file("segments")}: "{name}" of xvector.scp is missing')
            recording, start, end, _ = windows[name]
            rows.setdefault(recording, []).append((start, end, i))
        lost = sorted(windows.keys() - set(embeddings.ids))
        if lost:
            raise InputError(f'{directory}/xvector.scp: {len(lost)} of the windows are missing, such as "{lost[0]}"')
    missing = sorted(rows.keys() - speech.keys())
    if missing:
        raise InputError(f'{directory}/speech/segments: no speech of "{missing[0]}", which has windows')
    for recording in sorted(speech):
        times = np.array(sorted(rows.get(recording, [])), float).reshape(-1, 3)
        vectors = embeddings.vectors[times[:, 2].astype(int)] if len(times) else np.zeros((0, 0), np.float32)
        yield recording, Windows(speech[recording], times[:, :2], vectors)


def _segments(data):
    if data.segments is None:
        raise InputError(f"{data.file('segments')}: no such file; is {data.path} a directory of steps/diarize.sh?")
    return data.segments
