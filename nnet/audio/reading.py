"""Reading of audio: entries of wav.scp, segments, and checks for damaged recordings."""

import contextlib
import functools
import logging
import math
import os
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, BinaryIO

import numpy as np
import soundfile

from nnet.audio.container import STREAMED, check_complete, check_header, declared_samples
from nnet.errors import InputError
from nnet.rows import LONG, Rows, blocks_of, gathered, part_of

logger = logging.getLogger(__name__)

STEREO_REPORTS = 3
LOUDEST = 1e6  # some programs write floats on the scale of 16-bit integers
BLOCK = 1 << 20  # samples, of all channels together, and bytes that are read at once

_stereo_seen: list[str] = []


def read_audio(
    rx: str,
    sample_rate: int | None = None,
    resample: bool = False,
    channel: int | None = None,
    where: str | None = None,
) -> tuple[np.ndarray, int]:
    """Reads one recording.

    >>> samples, rate = nnet.read_audio("a.wav")
    >>> samples.shape, rate
    ((16000,), 16000)

    Args:
        rx: a path (wav, flac, ogg, mp3, NIST SPHERE), `path:offset` into an archive of WAVs, or `command |`.
        sample_rate: expected rate in Hz; None accepts any.
        resample: convert other rates instead of raising InputError.
        channel: counted from 0; None takes the first, with a warning if there are several.
        where: name of the recording in errors, such as `data/x/wav.scp: "utt1"`; default `rx`.

    Returns:
        `(samples, rate)`: float32 `(n,)` in [-1, 1), and Hz.

    Raises:
        InputError: missing, not audio, truncated, empty, NaN, wrong rate, no such channel, or a failed command.
    """
    rows, rate = open_audio(rx, sample_rate, resample, channel, where)
    return np.asarray(rows), rate


def open_audio(
    rx: str,
    sample_rate: int | None = None,
    resample: bool = False,
    channel: int | None = None,
    where: str | None = None,
) -> tuple[Rows, int]:
    """Reads one recording of any length; arguments and errors as for `read_audio`.

    Returns:
        `(samples, rate)`: float32 `(n,)`, in a temporary file if they are more than `nnet.rows.LONG` bytes.
    """
    where = f"{where}: {rx}" if where else rx
    samples, rate = _decode(rx, channel, where)
    if sample_rate is not None and rate != sample_rate:
        if not resample:
            raise InputError(
                f"{where}: sampled at {rate} Hz, expected {sample_rate} Hz; convert it or allow resampling"
            )
        samples, rate = convert_rate(samples, rate, sample_rate), sample_rate
    return samples, rate


def _decode(rx: str, channel: int | None, where: str) -> tuple[Rows, int]:
    with _opened(rx, where) as (file, size, source):
        if not size:
            raise InputError(f"{where}: empty")
        check_complete(file, size, where)
        try:
            with soundfile.SoundFile(source) as audio:
                check_header(audio.format, where)
                channel = _channel_of(audio.channels, channel, where)
                samples = gathered(_checked((block[:, channel] for block in blocks_of_audio(audio)), where))
                declared = declared_samples(file, audio.frames, audio.format)
        except soundfile.LibsndfileError as error:
            raise _undecodable(error, where) from error
    if len(samples) < declared:
        raise InputError(f"{where}: truncated: the header declares {declared} samples, found {len(samples)}")
    if not len(samples):
        raise InputError(f"{where}: no samples")
    return samples, audio.samplerate


def blocks_of_audio(audio: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """Yields the rest of an open file in blocks, float32 (n, channels), the last one empty.

    Some codecs, such as GSM 6.10, allow no seeking, so that the end is found by reading.
    """
    while True:
        block = audio.read(BLOCK // audio.channels, dtype="float32", always_2d=True)
        yield block
        if not len(block):
            return


def _checked(blocks: Iterable[np.ndarray], where: str) -> Iterator[np.ndarray]:
    for block in blocks:
        _check_numbers(block, where)
        yield np.ascontiguousarray(block)


def check_audio(samples: Rows, where: str) -> None:
    """Raises InputError for samples without usable features: none, NaN or infinity, or all zeros.

    Args:
        samples: `(n,)`.
        where: file and entry, for the error.
    """
    if not len(samples):
        raise InputError(f"{where}: no samples")
    silent = True
    for block in blocks_of(samples):
        _check_numbers(block, where)
        silent = silent and not block.any()
    if silent:
        raise InputError(f"{where}: all {len(samples)} samples are zero; remove the utterance or fix the recording")


def _check_numbers(samples: np.ndarray, where: str) -> None:
    if not np.isfinite(samples).all():
        raise InputError(f"{where}: contains NaN or infinite samples")
    if len(samples) and max(samples.max(), -samples.min()) > LOUDEST:
        raise InputError(f"{where}: contains samples beyond {LOUDEST:g} times full scale; is it damaged?")


def convert_rate(samples: Rows, rate: int, new_rate: int) -> Rows:
    """Resamples with a polyphase filter: `(n,)` at `rate` Hz to `(ceil(n * new_rate / rate),)` at `new_rate` Hz."""
    common = math.gcd(int(rate), int(new_rate))
    up, down = new_rate // common, rate // common
    if isinstance(samples, np.ndarray):
        return _resampled(samples, up, down)
    return gathered(_resampled_blocks(samples, up, down))


def _resampled(samples: np.ndarray, up: int, down: int) -> np.ndarray:
    from scipy.signal import resample_poly

    return resample_poly(samples, up, down).astype(np.float32)


def _resampled_blocks(samples: Rows, up: int, down: int) -> Iterator[np.ndarray]:
    """Yields the same numbers as `_resampled`: each block has the filter's reach on both sides of it."""
    reach = -(-20 * max(up, down) // down) * down  # in samples; twice what resample_poly's filter has
    step = max(1, BLOCK // down) * down
    for first in range(0, len(samples), step):
        low = max(0, first - reach)
        part = _resampled(samples[low : first + step + reach], up, down)
        stop = len(part) if first + step >= len(samples) else (first + step - low) * up // down
        yield part[(first - low) * up // down : stop]


def iter_utterances(
    data: Any,
    sample_rate: int | None = None,
    resample: bool = False,
    utterances: Iterable[str] | None = None,
    channel: int | None = None,
    stored: bool = False,
) -> Iterator[tuple[str, Any, int]]:
    """Yields `(utterance, samples, rate)` of a data directory, cut by segments if it has them.

    Args:
        data: a `nnet.datadir.directory.DataDir`.
        sample_rate, resample: as in `read_audio`.
        utterances: the utterances, in this order; default: all, in the order of the file.
        channel: as in `read_audio`, for segments that specify none.
        stored: long utterances may be StoredRows; otherwise `samples` are always arrays.
    """
    wav_scp, segments = data.wav_scp, data.segments
    loaded: tuple[str, int | None] | None = None
    samples: Rows = np.empty(0, np.float32)
    rate = 0
    for utterance in utterances if utterances is not None else (segments or wav_scp):
        recording, start, end, own_channel = _place(data, utterance, segments)
        wanted = recording, channel if own_channel is None else own_channel
        if loaded != wanted:
            if recording not in wav_scp:
                raise InputError(f'{data.file("segments")}: "{utterance}": no recording "{recording}" in wav.scp')
            name = f'{data.file("wav.scp")}: "{recording}"'
            samples, rate = open_audio(wav_scp[recording], sample_rate, resample, wanted[1], name)
            loaded = wanted
        part = cut(samples, rate, start, end, f'{data.file("segments")}: "{utterance}"')
        yield utterance, part if stored else np.asarray(part), rate


def _place(data: Any, utterance: str, segments: Any) -> tuple[str, float, float, int | None]:
    table = data.wav_scp if segments is None else segments
    if utterance not in table:
        name = "wav.scp" if segments is None else "segments"
        raise InputError(f'{data.file(name)}: no entry for utterance "{utterance}"')
    return (utterance, 0.0, -1.0, None) if segments is None else segments[utterance]


def cut(samples: Rows, rate: int, start: float, end: float, where: str) -> Rows:
    """Cuts samples from `start` to `end` seconds (-1: the end), rounded as in Kaldi's extract-segments.

    An end up to half a second after the end of the recording is accepted.
    """
    first = int(start * rate)
    stop = len(samples) if end == -1 else int(end * rate)
    if first >= len(samples) or stop > len(samples) + rate // 2:
        raise InputError(f"{where}: {start} to {end} s is outside the recording of {len(samples) / rate:.2f} s")
    return part_of(samples, first, min(stop, len(samples)))


def _channel_of(channels: int, channel: int | None, where: str) -> int:
    if channel is not None and channel >= channels:
        raise InputError(f"{where}: has {channels} channel(s), channel {channel} requested")
    if channels > 1 and channel is None:
        _report_stereo(where, channels)
    return channel or 0


def _report_stereo(where: str, channels: int) -> None:
    _stereo_seen.append(where)
    if len(_stereo_seen) <= STEREO_REPORTS:
        last = "; no further warnings of this kind" if len(_stereo_seen) == STEREO_REPORTS else ""
        logger.warning("%s: %d channels, using the first%s", where, channels, last)


def _undecodable(error: soundfile.LibsndfileError, where: str) -> InputError:
    reason = error.error_string.rstrip(".")
    if "not recognised" not in reason:
        return InputError(f"{where}: damaged: {reason}")
    return InputError(
        f"{where}: not wav, flac, ogg, mp3 or SPHERE; use a command in wav.scp that writes WAV and ends in |"
    )


def audio_duration(rx: str, where: str | None = None) -> float:
    """Returns the duration of a recording in seconds, from the header if it is a file."""
    where = f"{where}: {rx}" if where else rx
    with _opened(rx, where) as (file, size, source):
        if not size:
            raise InputError(f"{where}: empty")
        check_complete(file, size, where)
        try:
            info = soundfile.info(source)
        except soundfile.LibsndfileError as error:
            raise _undecodable(error, where) from error
    check_header(info.format, where)
    if not info.frames:
        raise InputError(f"{where}: its header declares no samples")
    if info.frames < STREAMED:
        return info.frames / info.samplerate
    samples, rate = _decode(rx, 0, where)
    return len(samples) / rate


@contextlib.contextmanager
def _opened(rx: str, where: str) -> Iterator[tuple[BinaryIO, int, BinaryIO | str]]:
    """Opens a recording: a seekable file, its size, and the argument for soundfile (the path if possible: faster)."""
    try:
        rx.encode()
    except UnicodeEncodeError:
        raise InputError(f"{where}: the name is not UTF-8; rename the file") from None
    try:
        if rx.endswith("|"):
            write = functools.partial(_run_command, rx[:-1].strip())
        elif (match := re.fullmatch(r"(.+):(\d+)", rx)) and not os.path.exists(rx):
            write = functools.partial(_copy_archived, match[1], int(match[2]))
        else:
            with open(rx, "rb") as file:
                yield file, os.fstat(file.fileno()).st_size, rx
            return
        with tempfile.SpooledTemporaryFile(LONG) as copy:  # in memory if it is short
            write(copy, where)
            size = copy.tell()
            copy.seek(0)
            yield copy, size, copy  # type: ignore[misc]
    except OSError as error:
        raise InputError(f"{where}: {error.strerror}") from error


def _copy_archived(path: str, offset: int, copy: IO[bytes], where: str) -> None:
    """Copies a WAV in an archive; kaldiio supports 8 and 16 bits only and accepts truncated WAVs."""
    with open(path, "rb") as file:
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8 or head[:4] != b"RIFF":
            raise InputError(f"{where}: no WAV at this offset")
        copy.write(head)
        missing = struct.unpack("<I", head[4:])[0]
        if missing >= STREAMED:
            raise InputError(f"{where}: its header declares no length, so its end in the archive is unknown")
        while missing and (data := file.read(min(missing, BLOCK))):
            copy.write(data)
            missing -= len(data)


def _run_command(command: str, copy: IO[bytes], where: str) -> None:
    """Copies the standard output of a shell command.

    Raises:
        InputError: the command failed (with the end of its standard error), or wrote nothing.
    """
    # A streamed WAV does not declare its length, so the failure of any part of a pipe must be detected.
    words = ["bash", "-o", "pipefail", "-c", command]
    with tempfile.TemporaryFile() as messages:
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages) as process:
            assert process.stdout
            shutil.copyfileobj(process.stdout, copy, BLOCK)
        messages.seek(0)
        said = " ".join(messages.read().decode("utf-8", "replace").split())[-300:]
    if process.returncode:
        raise InputError(
            f"{where}: the command failed with exit status {process.returncode}: {said or 'no error message'}"
        )
    if not copy.tell():
        raise InputError(f"{where}: the command wrote nothing")
