"""Reading of audio: entries of wav.scp, segments, and checks for damaged recordings."""

import contextlib
import io
import logging
import math
import os
import re
import struct
import subprocess
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
import soundfile

from nnet.audio.container import STREAMED, check_complete, declared_samples
from nnet.errors import InputError

logger = logging.getLogger(__name__)

STEREO_REPORTS = 3
LOUDEST = 1e6  # some programs write floats on the scale of 16-bit integers
BLOCK = 1 << 20  # samples read at once from a file without seeking

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
    where = f"{where}: {rx}" if where else rx
    samples, rate = _decode(rx, where)
    samples = _pick_channel(samples, channel, where)
    _check_numbers(samples, where)
    if sample_rate is not None and rate != sample_rate:
        if not resample:
            raise InputError(
                f"{where}: sampled at {rate} Hz, expected {sample_rate} Hz; convert it or allow resampling"
            )
        samples, rate = convert_rate(samples, rate, sample_rate), sample_rate
    return samples, rate


def check_audio(samples: np.ndarray, where: str) -> None:
    """Raises InputError for samples without usable features: none, NaN or infinity, or all zeros.

    Args:
        samples: `(n,)`.
        where: file and entry, for the error.
    """
    _check_numbers(samples, where)
    if not samples.any():
        raise InputError(f"{where}: all {len(samples)} samples are zero; remove the utterance or fix the recording")


def _check_numbers(samples: np.ndarray, where: str) -> None:
    if not len(samples):
        raise InputError(f"{where}: no samples")
    if not np.isfinite(samples).all():
        raise InputError(f"{where}: contains NaN or infinite samples")
    if max(samples.max(), -samples.min()) > LOUDEST:
        raise InputError(f"{where}: contains samples beyond {LOUDEST:g} times full scale; is it damaged?")


def convert_rate(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """Resamples with a polyphase filter: `(n,)` at `rate` Hz to `(ceil(n * new_rate / rate),)` at `new_rate` Hz."""
    from scipy.signal import resample_poly

    common = math.gcd(int(rate), int(new_rate))
    return resample_poly(samples, new_rate // common, rate // common).astype(np.float32)


def iter_utterances(
    data: Any,
    sample_rate: int | None = None,
    resample: bool = False,
    utterances: Iterable[str] | None = None,
    channel: int | None = None,
) -> Iterator[tuple[str, np.ndarray, int]]:
    """Yields `(utterance, samples, rate)` of a data directory, cut by segments if it has them.

    Args:
        data: a `nnet.datadir.directory.DataDir`.
        sample_rate, resample: as in `read_audio`.
        utterances: the utterances, in this order; default: all, in the order of the file.
        channel: as in `read_audio`, for segments that specify none.
    """
    wav_scp, segments = data.wav_scp, data.segments
    loaded: tuple[str, int | None] | None = None
    samples, rate = np.empty(0, np.float32), 0
    for utterance in utterances if utterances is not None else (segments or wav_scp):
        recording, start, end, own_channel = _place(data, utterance, segments)
        wanted = recording, channel if own_channel is None else own_channel
        if loaded != wanted:
            if recording not in wav_scp:
                raise InputError(f'{data.file("segments")}: "{utterance}": no recording "{recording}" in wav.scp')
            name = f'{data.file("wav.scp")}: "{recording}"'
            samples, rate = read_audio(wav_scp[recording], sample_rate, resample, wanted[1], name)
            loaded = wanted
        yield utterance, cut(samples, rate, start, end, f'{data.file("segments")}: "{utterance}"'), rate


def _place(data: Any, utterance: str, segments: Any) -> tuple[str, float, float, int | None]:
    table = data.wav_scp if segments is None else segments
    if utterance not in table:
        name = "wav.scp" if segments is None else "segments"
        raise InputError(f'{data.file(name)}: no entry for utterance "{utterance}"')
    return (utterance, 0.0, -1.0, None) if segments is None else segments[utterance]


def cut(samples: np.ndarray, rate: int, start: float, end: float, where: str) -> np.ndarray:
    """Cuts samples from `start` to `end` seconds (-1: the end), rounded as in Kaldi's extract-segments.

    An end up to half a second after the end of the recording is accepted.
    """
    first = int(start * rate)
    stop = len(samples) if end == -1 else int(end * rate)
    if first >= len(samples) or stop > len(samples) + rate // 2:
        raise InputError(f"{where}: {start} to {end} s is outside the recording of {len(samples) / rate:.2f} s")
    return samples[first : min(stop, len(samples))]


def _pick_channel(samples: np.ndarray, channel: int | None, where: str) -> np.ndarray:
    channels = samples.shape[1]
    if channel is not None and channel >= channels:
        raise InputError(f"{where}: has {channels} channel(s), channel {channel} requested")
    if channels > 1 and channel is None:
        _report_stereo(where, channels)
    return np.ascontiguousarray(samples[:, channel or 0])


def _report_stereo(where: str, channels: int) -> None:
    _stereo_seen.append(where)
    if len(_stereo_seen) <= STEREO_REPORTS:
        last = "; no further warnings of this kind" if len(_stereo_seen) == STEREO_REPORTS else ""
        logger.warning("%s: %d channels, using the first%s", where, channels, last)


def _decode(rx: str, where: str) -> tuple[np.ndarray, int]:
    """Decodes a recording to float32 `(n, channels)` and its rate."""
    with _opened(rx, where) as (file, size, source):
        if not size:
            raise InputError(f"{where}: empty")
        check_complete(file, size, where)
        try:
            with soundfile.SoundFile(source) as audio:
                samples = all_samples(audio)
                declared = declared_samples(file, audio.frames, audio.format)
        except soundfile.LibsndfileError as error:
            raise _undecodable(error, where) from error
        except MemoryError:
            raise InputError(f"{where}: damaged, or too long: its header declares {audio.frames} samples") from None
    if len(samples) < declared:
        raise InputError(f"{where}: truncated: the header declares {declared} samples, found {len(samples)}")
    return samples, audio.samplerate


def all_samples(audio: soundfile.SoundFile) -> np.ndarray:
    """Reads the rest of an open file: float32 (n, channels); some codecs, such as GSM 6.10, allow no seeking."""
    if audio.seekable():
        return audio.read(dtype="float32", always_2d=True)
    blocks = []
    while len(block := audio.read(BLOCK, dtype="float32", always_2d=True)):
        blocks.append(block)
    return np.concatenate(blocks) if blocks else np.empty((0, audio.channels), np.float32)


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
    if info.frames < STREAMED:
        return info.frames / info.samplerate
    samples, rate = _decode(rx, where)
    return len(samples) / rate


@contextlib.contextmanager
def _opened(rx: str, where: str) -> Iterator[tuple[BinaryIO, int, BinaryIO | str]]:
    """Opens a recording: a seekable file, its size, and the argument for soundfile (the path if possible: faster)."""
    data = None
    try:
        if rx.endswith("|"):
            data = run_command(rx[:-1].strip(), where)
        elif (match := re.fullmatch(r"(.+):(\d+)", rx)) and not os.path.exists(rx):
            data = _read_archived(match[1], int(match[2]), where)
        if data is not None:
            yield io.BytesIO(data), len(data), io.BytesIO(data)
        else:
            with open(rx, "rb") as file:
                yield file, os.fstat(file.fileno()).st_size, rx
    except OSError as error:
        raise InputError(f"{where}: {error.strerror}") from error


def _read_archived(path: str, offset: int, where: str) -> bytes:
    """Reads the bytes of a WAV in an archive; kaldiio supports 8 and 16 bits only and accepts truncated WAVs."""
    with open(path, "rb") as file:
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8 or head[:4] != b"RIFF":
            raise InputError(f"{where}: no WAV at this offset")
        return head + file.read(struct.unpack("<I", head[4:])[0])


def run_command(command: str, where: str) -> bytes:
    """Runs a shell command and returns its standard output.

    Raises:
        InputError: the command failed (with the end of its standard error), or wrote nothing.
    """
    # A streamed WAV does not declare its length, so the failure of any part of a pipe must be detected.
    words = ["bash", "-o", "pipefail", "-c", command]
    result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True)
    if result.returncode:
        said = " ".join(result.stderr.decode("utf-8", "replace").split())[-300:]
        raise InputError(
            f"{where}: the command failed with exit status {result.returncode}: {said or 'no error message'}"
        )
    if not result.stdout:
        raise InputError(f"{where}: the command wrote nothing")
    return result.stdout
