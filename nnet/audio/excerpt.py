"""A part of a recording, read without the rest."""

import os

import numpy as np
import soundfile

from nnet.audio.container import check_header
from nnet.audio.reading import blocks_of_audio, open_audio
from nnet.errors import InputError


def read_part(rx, start, count, sample_rate, channel, where):
    """Reads a range of samples of a recording; a plain file is not read as a whole.

    Args:
        rx: entry of wav.scp.
        start, count: in samples.
        sample_rate: expected rate in Hz.
        channel: counted from 0.
        where: name of the recording in errors.

    Returns:
        float32 (count,) in [-1, 1); up to half a second fewer at the end of the recording, since segment ends and
        durations are not always exact.
    """
    if not os.path.isfile(rx):  # a command, an entry of an archive, or missing
        samples = open_audio(rx, sample_rate, channel=channel, where=where)[0][start : start + count]
    else:
        samples = _read_part_of_file(rx, start, count, sample_rate, channel, where)
    if not len(samples) or len(samples) < count - sample_rate // 2:
        raise InputError(f"{where}: {rx}: ends before samples {start} to {start + count}; is it truncated?")
    return samples


def _read_part_of_file(rx, start, count, sample_rate, channel, where):
    try:
        with soundfile.SoundFile(rx) as audio:
            check_header(audio.format, f"{where}: {rx}")
            if audio.samplerate != sample_rate or channel >= audio.channels:
                raise InputError(
                    f"{where}: {rx}: has {audio.channels} channel(s) at {audio.samplerate} Hz; expected channel "
                    f"{channel} at {sample_rate} Hz"
                )
            if not audio.seekable():
                return np.concatenate([*blocks_of_audio(audio)])[start : start + count, channel]
            audio.seek(min(start, audio.frames))
            return audio.read(count, dtype="float32", always_2d=True)[:, channel]
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"{where}: {rx}: cannot be read: {error}") from error
