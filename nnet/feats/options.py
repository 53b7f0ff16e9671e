"""Options of features: MFCCs and filter banks, with the names and defaults of Kaldi's programs, and other spectra."""

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from nnet.errors import InputError
from nnet.feats.conf import read_conf
from nnet.files import AnyPath
from nnet.options import build_section, check_ranges, option

Features = TypeVar("Features", bound="FeatureOptions")  # typing.Self needs Python 3.11
WINDOWS = ("hamming", "hanning", "povey", "rectangular", "sine", "blackman")
LAYOUTS = ("tfmel", "torchaudio")


@dataclasses.dataclass(frozen=True)
class FeatureOptions(abc.ABC):
    """Options common to all features: audio, frames and mel bins."""

    sample_frequency: float = option(16000.0, "Sampling rate of the audio in Hz.", above=0, high=1e6)
    frame_length: float = option(25.0, "Length of a frame in ms.", above=0, high=1e4)
    frame_shift: float = option(10.0, "Time from one frame to the next in ms.", above=0, high=1e4)
    dither: float = option(1.0, "Standard deviation of the noise added to the 16-bit samples; 0 adds none.", low=0)
    preemphasis_coefficient: float = option(0.97, "Coefficient of the pre-emphasis.", low=0, high=1)
    num_mel_bins: int = option(23, "Number of triangular mel bins.", low=3, high=4096)
    low_freq: float = option(20.0, "Lower edge of the mel bins in Hz.", low=0)
    high_freq: float = option(0.0, "Upper edge of the mel bins in Hz; zero or less: relative to the Nyquist frequency.")
    subtract_mean: bool = option(False, "Subtract the mean of each coefficient over the utterance.")
    allow_downsample: bool = option(False, "Resample audio of a higher rate than sample_frequency; false: an error.")
    allow_upsample: bool = option(False, "Resample audio of a lower rate than sample_frequency; false: an error.")
    min_duration: float = option(0.0, "Skip utterances shorter than this (s).", low=0)
    channel: int = option(-1, "Channel, counted from 0; -1 expects mono and takes the first of several.", low=-1)

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.low_freq < self.highest <= 0.5 * self.sample_frequency:
            raise InputError(
                f"mel bins from low-freq {self.low_freq:g} to high-freq {self.highest:g} Hz do not fit in "
                f"0 to {0.5 * self.sample_frequency:g} Hz, half of sample-frequency"
            )
        if self.window_shift < 1 or self.window_size < 2:
            raise InputError(f"frames of {self.frame_length:g} ms every {self.frame_shift:g} ms contain no sample")

    @property
    def highest(self) -> float:
        """Upper edge of the mel bins in Hz, also where high_freq is relative to the Nyquist frequency."""
        return self.high_freq if self.high_freq > 0 else 0.5 * self.sample_frequency + self.high_freq

    @property
    def window_shift(self) -> int:
        """Samples from one frame to the next."""
        return int(self.sample_frequency * 0.001 * self.frame_shift)

    @property
    def window_size(self) -> int:
        """Number of samples of a frame."""
        return int(self.sample_frequency * 0.001 * self.frame_length)

    @property
    @abc.abstractmethod
    def dim(self) -> int:
        """Dimensions of a frame."""

    @property
    @abc.abstractmethod
    def first_sample(self) -> int:
        """Sample at which frame 0 begins; negative: before the signal."""

    @abc.abstractmethod
    def num_frames(self, num_samples: int) -> int:
        """Returns the number of frames of a signal."""

    @abc.abstractmethod
    def num_samples(self, num_frames: int) -> int:
        """Returns the length of the shortest signal that has this many frames, at least one."""

    @classmethod
    def from_conf(cls: type[Features], path: AnyPath | None) -> Features:
        """Reads options from a Kaldi `.conf` file; None gives the defaults."""
        return read_conf(path, cls)

    @classmethod
    def from_dict(cls: type[Features], values: Mapping[str, Any], where: str = "options") -> Features:
        """Builds options from a JSON object and checks every key and value; `where` names it in errors."""
        return build_section(cls, values, where)

    def to_dict(self) -> dict[str, Any]:
        """Returns all options as a JSON object."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class SpectrumOptions(FeatureOptions):
    """Options common to MFCC and filter-bank features of Kaldi: frames, window, mel bins and log energy."""

    snip_edges: bool = option(True, "Use only frames inside the signal; false reflects the signal at its ends.")
    remove_dc_offset: bool = option(True, "Subtract the mean from each frame.")
    window_type: str = option("povey", "Window function; povey is like hamming but goes to zero.", choices=WINDOWS)
    blackman_coeff: float = option(0.42, "Constant of the generalized Blackman window.")
    round_to_power_of_two: bool = option(True, "Zero-pad frames to a power of two before the FFT.")
    mel_floor: float = option(
        2.0**-23, "Floor of the energy of a mel bin before the log; 128 is Kaldi's for audio in [-1, 1).", above=0
    )
    use_energy: bool = option(False, "Prepend the log energy of the frame (MFCC: replace C0 by it).")
    energy_floor: float = option(0.0, "Floor of the energy (before the log); 0: none.", low=0)
    raw_energy: bool = option(True, "Compute the energy before pre-emphasis and windowing.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.padded_size % 2:
            raise InputError(f"round-to-power-of-two=false needs a frame of an even length, not {self.window_size}")

    @property
    def padded_size(self) -> int:
        """Size of the FFT in samples."""
        return 1 << (self.window_size - 1).bit_length() if self.round_to_power_of_two else self.window_size

    @property
    def first_sample(self) -> int:
        """Sample at which frame 0 begins; negative: before the signal."""
        return 0 if self.snip_edges else self.window_shift // 2 - self.window_size // 2

    def num_frames(self, num_samples: int) -> int:
        """Returns the number of frames of a signal."""
        if self.snip_edges:
            return 1 + (num_samples - self.window_size) // self.window_shift if num_samples >= self.window_size else 0
        return (num_samples + self.window_shift // 2) // self.window_shift

    def num_samples(self, num_frames: int) -> int:
        """Returns the length of the shortest signal that has this many frames, at least one."""
        if self.snip_edges:
            return (num_frames - 1) * self.window_shift + self.window_size
        return num_frames * self.window_shift - self.window_shift // 2


@dataclasses.dataclass(frozen=True)
class MfccOptions(SpectrumOptions):
    """Options of `compute-mfcc-feats`.

    >>> nnet.MfccOptions(sample_frequency=8000.0, num_ceps=20).window_size
    200
    """

    use_energy: bool = option(True, "Replace C0 by the log energy of the frame.")
    num_ceps: int = option(13, "Number of cepstral coefficients, including C0.", low=1)
    cepstral_lifter: float = option(22.0, "Liftering constant of the coefficients; 0: none.", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_ceps > self.num_mel_bins:
            raise InputError(f"num-ceps {self.num_ceps} is more than num-mel-bins {self.num_mel_bins}")

    @property
    def dim(self) -> int:
        """Dimensions of a frame."""
        return self.num_ceps


@dataclasses.dataclass(frozen=True)
class FbankOptions(SpectrumOptions):
    """Options of `compute-fbank-feats`.

    >>> nnet.FbankOptions(num_mel_bins=80, dither=0.0).dim
    80
    """

    use_log_fbank: bool = option(True, "Log energies of the mel bins; false: energies.")
    use_power: bool = option(True, "Sum the power spectrum; false: the magnitude spectrum.")

    @property
    def dim(self) -> int:
        """Dimensions of a frame."""
        return self.num_mel_bins + self.use_energy


@dataclasses.dataclass(frozen=True)
class MelOptions(FeatureOptions):
    """Options of the mel spectra of ReDimNet's and NeXt-TDNN's authors and of WeSpeaker's ReDimNet2 (`signal_mels`)."""

    layout: str = option(
        "tfmel", "Whose frames and filters: those of WeSpeaker's front end tfmel, or torchaudio's.", choices=LAYOUTS
    )
    dither: float = option(0.0, "Must be 0: these features have no dither.", low=0)
    num_mel_bins: int = option(72, "Number of triangular mel bins.", low=3, high=4096)
    high_freq: float = option(
        7600.0, "Upper edge of the mel bins in Hz; zero or less: relative to the Nyquist frequency."
    )
    fft_size: int = option(512, "Size of the FFT in samples; at least a frame.", low=2, high=65536)
    normalize_signal: bool = option(False, "Scale the whole signal to mean 0 and variance 1 first.")
    offset: float = option(1e-8, "Added to the energy of a mel bin before the log.", low=1e-30, high=0.1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fft_size < self.window_size or self.fft_size % 2:
            raise InputError(f"fft-size {self.fft_size} must be even and at least a frame, {self.window_size} samples")
        if self.dither:
            raise InputError(f"dither {self.dither:g}: features of type mel have none; set it to 0")

    @property
    def dim(self) -> int:
        """Dimensions of a frame."""
        return self.num_mel_bins

    @property
    def first_sample(self) -> int:
        """Sample at which frame 0 begins; negative: before the signal."""
        return -(self.window_size // 2) if self.layout == "torchaudio" else -(self.window_shift // 2)

    def num_frames(self, num_samples: int) -> int:
        """Returns the number of frames of a signal; one of fewer than two samples has none."""
        if num_samples < 2:
            return 0
        if self.layout == "torchaudio":
            return 1 + num_samples // self.window_shift
        return max(0, 1 + (num_samples - 2 * self.first_sample - self.window_size) // self.window_shift)

    def num_samples(self, num_frames: int) -> int:
        """Returns the length of the shortest signal that has this many frames, at least one."""
        inner = 0 if self.layout == "torchaudio" else self.window_size + 2 * self.first_sample
        return max(2, (num_frames - 1) * self.window_shift + inner)


FEATURE_OPTIONS = {"mfcc": MfccOptions, "fbank": FbankOptions, "mel": MelOptions}
