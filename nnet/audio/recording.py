"""A recording of any length, read part by part."""

from dataclasses import dataclass

import numpy as np

from nnet.audio.reading import convert_rate, open_audio
from nnet.errors import InputError
from nnet.rows import Rows


@dataclass(frozen=True)
class Recording:
    """A recording of which only the part that is asked for is in memory.

    Attributes:
        name: for messages, such as `data/x/wav.scp: "meeting"`.
        samples: rows (n,), float32 in [-1, 1), those of a long recording in a temporary file.
        sample_rate: in Hz.
    """

    name: str
    samples: Rows
    sample_rate: int

    @property
    def num_samples(self) -> int:
        """Number of samples."""
        return len(self.samples)

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.num_samples / self.sample_rate

    def read(self, first: int, stop: int) -> np.ndarray:
        """Reads samples `first` to `stop` (exclusive), those that exist: float32 (n,)."""
        return self.samples[max(first, 0) : max(stop, 0)]


def open_recording(rx: str, sample_rate: int, name: str, channel: int | None = None) -> Recording:
    """Opens an entry of wav.scp as a Recording at a sampling rate.

    Args:
        rx: as for `nnet.audio.reading.read_audio`.
        sample_rate: in Hz; audio of a higher rate is resampled.
        name: for messages.
        channel: counted from 0; None takes the first, with a warning if there are several.

    Raises:
        InputError: missing, not audio, truncated, empty, NaN, a lower rate, no such channel, or a failed command.
    """
    samples, rate = open_audio(rx, channel=channel, where=name)
    if rate < sample_rate:
        raise InputError(f"{name}: {rx}: {rate} Hz, the model was trained on {sample_rate} Hz")
    if rate != sample_rate:
        samples = convert_rate(samples, rate, sample_rate)
    return Recording(name, samples, sample_rate)
