"""A part of a recording, read without the rest."""

import os

import soundfile

from nnet.audio.reading import read_audio
from nnet.errors import InputError


def read_part(rx, start, count, sample_rate, channel, where):
    """Some samples of a recording, read without the others where it is a plain file.

    Args:
        rx: as wav.scp has it.
        start, count: in samples.
        sample_rate: Hz that it must have.
        channel: counted from 0.
        where: begins the line of an error.

    Returns:
        float32 (count,) in [-1, 1); up to half a second fewer where the recording ends, as the ends of segments and
        durations are not always exact.
    """
    if not os.path.isfile(rx):  # a command, a place in an archive, or missing
        samples = read_audio(rx, sample_rate, channel=channel, where=where)[0][start : start + count]
    else:
        samples = _read_part_of_file(rx, start, count, sample_rate, channel, where)
    if not len(samples) or len(samples) < count - sample_rate // 2:
        raise InputError(f"{where}: {rx}: ends before its samples {start} to {start + count}; was it truncated?")
    return samples


def _read_part_of_file(rx, start, count, sample_rate, channel, where):
    try:
        with soundfile.SoundFile(rx) as audio:
            if audio.samplerate != sample_rate or channel >= audio.channels:
                raise InputError(
                    f"{where}: {rx}: has {audio.channels} channel(s) at {audio.samplerate} Hz; channel {channel} at "
                    f"{sample_rate} Hz expected"
                )
            audio.seek(min(start, audio.frames))
            return audio.read(count, dtype="float32", always_2d=True)[:, channel]
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"{where}: {rx}: cannot be read: {error}") from error
