"""Collections of sounds for augmentation: noises, music, voices, room impulse responses."""

import os

import numpy as np
import soundfile

from nnet.audio.excerpt import read_part
from nnet.audio.reading import audio_duration, convert_rate, read_audio
from nnet.datadir.directory import DataDir
from nnet.errors import InputError

ATTEMPTS = 20  # to find a part that is not silent


class Sounds:
    """Recordings of a data directory, read on demand.

    Args:
        path: a data directory with wav.scp and no segments; for babble, each recording counts as a different voice.
        sample_rate: of the returned samples, in Hz; recordings are resampled.
    """

    def __init__(self, path, sample_rate):
        data = DataDir(path)
        if data.has("segments"):
            raise InputError(f"{data.file('segments')}: sounds for augmentation must be whole recordings, not segments")
        self.path, self.sample_rate = data.path, sample_rate
        self.names, self.entries = list(data.wav_scp), list(data.wav_scp.values())
        if not self.names:
            raise InputError(f"{data.file('wav.scp')}: is empty")
        self._formats = {}

    def __len__(self):
        return len(self.names)

    def whole(self, index):
        """Reads all samples (n,) of a recording."""
        return read_audio(self.entries[index], self.sample_rate, resample=True, where=self._where(index))[0]

    def part(self, index, count, rng):
        """Reads `count` samples from a random position of a recording, or all if it is shorter."""
        return self._audible(index, count, rng, self._part)

    def loop(self, index, count, rng):
        """Reads `count` samples from a random position of a recording, which is repeated if too short."""
        return self._audible(index, count, rng, self._loop)

    def _part(self, index, count, rng):
        frames, rate = self._format(index)
        wanted = min(-(-count * rate // self.sample_rate), frames)
        first = int(rng.integers(frames - wanted + 1))
        return self._read(index, first, wanted, rate)[:count]

    def _loop(self, index, count, rng):
        frames, rate = self._format(index)
        wanted = -(-count * rate // self.sample_rate)
        first = int(rng.integers(frames))
        if first + wanted <= frames:
            return self._read(index, first, wanted, rate)[:count]
        whole = self.whole(index)
        first = first * self.sample_rate // rate
        return np.take(whole, np.arange(first, first + count), mode="wrap")

    def _audible(self, index, count, rng, draw):
        """Draws until the samples are not all zero, since silence has no SNR; at last around a sample that is not."""
        for _ in range(ATTEMPTS):
            samples = draw(index, count, rng)
            if samples.any():
                return samples
        whole = self.whole(index)
        if not whole.any():
            raise InputError(f"{self._where(index)}: contains only silence; remove it from the directory")
        first = int(rng.choice(np.flatnonzero(whole))) - int(rng.integers(count))
        if draw == self._loop:
            return np.take(whole, np.arange(first, first + count), mode="wrap")
        first = max(0, min(first, len(whole) - count))
        return whole[first : first + count]

    def _format(self, index):
        """Returns the number of samples and the rate of a recording as stored."""
        if index not in self._formats:
            rx = self.entries[index]
            if os.path.isfile(rx):
                audio_duration(rx, self._where(index))  # raises InputError if the file is damaged
                info = soundfile.info(rx)
                self._formats[index] = info.frames, info.samplerate
            else:
                self._formats[index] = len(self.whole(index)), self.sample_rate
        return self._formats[index]

    def _read(self, index, start, count, rate):
        if not os.path.isfile(self.entries[index]):
            return self.whole(index)[start : start + count]
        samples = read_part(self.entries[index], start, count, rate, 0, self._where(index))
        return samples if rate == self.sample_rate else convert_rate(samples, rate, self.sample_rate)

    def _where(self, index):
        return f'{os.path.join(self.path, "wav.scp")}: "{self.names[index]}"'
