"""Recordings of telephone corpora: their headers and wav.scp entries."""

import logging
import shlex
import shutil
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import soundfile

from nnet.audio.container import check_complete, sphere_fields
from nnet.audio.reading import audio_duration
from nnet.errors import InputError
from nnet.progress import progress

log = logging.getLogger(__name__)

READERS = 16  # headers read in parallel
LEAST_RATE = 8000  # Hz, the minimum of all these corpora

# Duration, sampling rate, number of channels, and whether it is compressed with shorten.
Audio = namedtuple("Audio", "seconds rate channels shortened")


def describe(path):
    """Reads the header of a file as Audio; raises InputError for an unreadable file."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        fields = sphere_fields(file) or {}
        if "shorten" in fields.get("sample_coding", ""):
            return _shortened(path, fields)
        file.seek(0)
        if size:
            check_complete(file, size, path)
    seconds = audio_duration(path)
    info = soundfile.info(path)
    return Audio(seconds, info.samplerate, info.channels, False)


def _shortened(path, fields):
    try:
        count, rate, channels = (int(fields[name]) for name in ("sample_count", "sample_rate", "channel_count"))
    except (KeyError, ValueError) as error:
        raise InputError(f"{path}: the header does not contain the length") from error
    return Audio(count / rate, rate, channels, True)


class Recordings:
    """Properties of recordings; each header is read once.

    soundfile reads SPHERE, so wav.scp contains plain paths, and sph2pipe is needed only for files compressed with
    shorten. With `sph2pipe`, wav.scp contains sph2pipe commands for all SPHERE files, which Kaldi can read.
    """

    def __init__(self, sph2pipe=False):
        self._commands, self._audio = sph2pipe, {}
        if sph2pipe and not shutil.which("sph2pipe"):
            raise InputError(f"--sph2pipe true: {_WHERE_FROM}")

    def read_headers(self, paths):
        """Reads the headers of files."""
        new = sorted(set(paths) - self._audio.keys())
        with ThreadPoolExecutor(READERS) as pool:
            found = progress(pool.map(_try_to_describe, new), len(new), "headers of recordings", "file")
            self._audio.update(zip(new, found, strict=True))
        shortened = [p for p in new if not isinstance(self._audio[p], str) and self._audio[p].shortened]
        if shortened and not shutil.which("sph2pipe"):
            raise InputError(f"{shortened[0]}: one of {len(shortened)} files compressed with shorten; {_WHERE_FROM}")

    def problem(self, path, channel, span):
        """Returns why a part of a recording cannot be used, or None.

        Args:
            path: the file.
            channel: counted from 0, or None if it must be mono.
            span: (start, end) in seconds, or None for the whole recording.
        """
        audio = self._audio[path]
        if isinstance(audio, str):
            return audio
        if (channel or 0) >= audio.channels:
            return f"has {audio.channels} channel, not two sides"
        if channel is None and audio.channels > 1:
            return f"has {audio.channels} channels, expected one"
        if audio.rate < LEAST_RATE:
            return f"sampled at {audio.rate} Hz"
        if span and not 0 <= span[0] < min(span[1], audio.seconds):
            return "ends before the segment"
        return None

    def channels(self, path):
        """Returns the number of channels of a recording."""
        return self._audio[path].channels

    def span(self, path, span):
        """Returns (start, end) in seconds, limited to the recording."""
        start, end = span or (0.0, self._audio[path].seconds)
        return start, min(end, self._audio[path].seconds)

    def entry(self, path):
        """Returns the wav.scp entry, with all channels."""
        if self._audio[path].shortened or (self._commands and path.lower().endswith(".sph")):
            return f"sph2pipe -f wav -p {shlex.quote(path)} |"
        return path


_WHERE_FROM = (
    "reading them needs sph2pipe in PATH; get it from LDC (catalog.ldc.upenn.edu, tools) or from Kaldi "
    "(tools/extras/install_sph2pipe.sh)"
)


def _try_to_describe(path):
    try:
        return describe(path)
    except InputError as error:
        return str(error).replace(f"{path}: ", "")
    except OSError as error:
        return error.strerror or str(error)
