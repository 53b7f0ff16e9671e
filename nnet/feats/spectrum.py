"""MFCC and filter-bank features with Kaldi's values, computed in blocks of frames that stay in the cache.

`compute_rows` also computes the mel spectra of `nnet.feats.signal_mels`.
"""

import copy
import functools
from collections.abc import Iterator

import numpy as np
import scipy

from nnet.feats.frames import frame_blocks, window_function
from nnet.feats.mel import cosine_transform, mel_bins
from nnet.feats.options import FbankOptions, FeatureOptions, MelOptions, MfccOptions, SpectrumOptions
from nnet.feats.signal_mels import mel_blocks
from nnet.rows import Rows, gathered, mean_row

# Frames per block: large enough to amortize Python's overhead, small enough for the L2 cache.
BLOCK = 160

# Frames whose samples are in memory at once: of hours of audio, three to six minutes.
STRETCH = 125 * BLOCK

# Ratio of the smallest to the largest mel bin's power below which a float32 FFT is too inaccurate for the log.
MIN_POWER_RATIO = 1e-6

FULL_SCALE = 32768.0

# Kaldi's floor of the energy of a frame before the log: float32's epsilon.
FLOOR = np.finfo(np.float32).eps


def compute_mfcc(samples: np.ndarray, options: MfccOptions, rng: np.random.Generator | None = None) -> np.ndarray:
    """Computes mel-frequency cepstral coefficients as `compute-mfcc-feats` does.

    >>> samples, rate = nnet.read_audio("a.wav")
    >>> nnet.compute_mfcc(samples, nnet.MfccOptions(num_ceps=20)).shape
    (98, 20)

    Args:
        samples: (n,) in [-1, 1), at the rate options.sample_frequency.
        options: MfccOptions.
        rng: numpy Generator of the dither; None: seeded with 0.

    Returns:
        float32 (frames, num_ceps); no frames if the signal is too short.
    """
    return np.asarray(compute_rows(samples, options, rng))


def compute_fbank(samples: np.ndarray, options: FbankOptions, rng: np.random.Generator | None = None) -> np.ndarray:
    """Computes log mel filter-bank energies as `compute-fbank-feats` does.

    >>> samples, rate = nnet.read_audio("a.wav")
    >>> nnet.compute_fbank(samples, nnet.FbankOptions(num_mel_bins=80)).shape
    (98, 80)

    Args:
        samples: (n,) in [-1, 1), at the rate options.sample_frequency.
        options: FbankOptions.
        rng: numpy Generator of the dither; None: seeded with 0.

    Returns:
        float32 (frames, num_mel_bins); with use_energy, the log energy is prepended.
    """
    return np.asarray(compute_rows(samples, options, rng))


def compute_rows(samples: Rows, options: FeatureOptions, rng: np.random.Generator | None = None) -> Rows:
    """Computes the features of a recording of any length, of the type that the options are for."""
    rng = rng or np.random.default_rng(0)
    if not options.subtract_mean:
        return gathered(_feature_blocks(samples, options, rng))
    mean = mean_row(_feature_blocks(samples, options, copy.deepcopy(rng))).astype(np.float32)
    return gathered(block - mean for block in _feature_blocks(samples, options, rng))


def _feature_blocks(samples: Rows, options: FeatureOptions, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yields the features in blocks (frames, dim), before the mean is subtracted; at least one block."""
    if isinstance(options, MelOptions):
        return mel_blocks(samples, options)
    assert isinstance(options, SpectrumOptions)
    return _kaldi_blocks(samples, options, rng)


def _kaldi_blocks(samples: Rows, options: SpectrumOptions, rng: np.random.Generator) -> Iterator[np.ndarray]:
    blocks = frame_blocks(samples, options, STRETCH, lambda part: _dithered(part, options, rng))
    for frames in blocks if options.num_frames(len(samples)) else [np.zeros((0, options.window_size), np.float32)]:
        mels, energy = _mel_energies(frames, options)
        yield _cepstra(mels, energy, options) if isinstance(options, MfccOptions) else _log_mels(mels, energy, options)


def _cepstra(mels: np.ndarray, energy: np.ndarray, options: MfccOptions) -> np.ndarray:
    np.maximum(mels, np.float32(options.mel_floor), out=mels)
    np.log(mels, out=mels)
    feats = np.empty((len(mels), options.num_ceps), np.float32)
    for rows in _blocks(len(mels)):  # BLAS may round products of other numbers of rows in another way
        np.matmul(mels[rows], _constants(options)["transform"], out=feats[rows])
    if options.use_energy:
        feats[:, 0] = energy
    return feats


def _log_mels(mels: np.ndarray, energy: np.ndarray, options: SpectrumOptions) -> np.ndarray:
    if getattr(options, "use_log_fbank", True):
        np.maximum(mels, np.float32(options.mel_floor), out=mels)
        np.log(mels, out=mels)
    return np.column_stack([energy, mels]) if options.use_energy else mels


@functools.lru_cache(maxsize=8)
def _constants(options: SpectrumOptions) -> dict[str, np.ndarray]:
    """Returns window, mel filter bank and, for MFCCs, the cosine transform, in float32."""
    # Kaldi's samples are 16-bit integers; the window includes that scale, which is exact as a power of two.
    arrays = {"window": FULL_SCALE * window_function(options), "mel": mel_bins(options)}
    if hasattr(options, "num_ceps"):
        arrays["transform"] = cosine_transform(options)
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def _mel_energies(frames: np.ndarray, options: SpectrumOptions) -> tuple[np.ndarray, np.ndarray]:
    """Computes mel energies (frames, num_mel_bins) and log energies (frames,), undefined without use_energy.

    Args:
        frames: (frames, window_size).
    """
    constants = _constants(options)
    mels = np.empty((len(frames), options.num_mel_bins), np.float32)
    energy = np.empty(len(frames), np.float32)
    padded = np.zeros((BLOCK, options.padded_size), np.float32)
    for rows in _blocks(len(frames)):
        block = padded[: rows.stop - rows.start]
        raw, windowed = _window(frames[rows], constants["window"], options, block)
        if options.use_energy:
            energy[rows] = _log_energy(raw, windowed, options)
        np.matmul(_spectrum(block, options), constants["mel"], out=mels[rows])
    _refine(mels, frames, constants, options)
    return mels, energy


def log_energies(samples: Rows, options: SpectrumOptions) -> np.ndarray:
    """Computes the log energy (frames,) of each frame, without its DC offset and without dither, as with raw_energy."""
    energies = [np.empty(0, np.float32)]
    for frames in frame_blocks(samples, options, STRETCH, lambda part: part):
        energies += [_raw_log_energy(_remove_offset(frames[rows]), options) for rows in _blocks(len(frames))]
    return np.concatenate(energies)


def _blocks(count: int) -> list[slice]:
    return [slice(first, min(first + BLOCK, count)) for first in range(0, count, BLOCK)]


def _refine(mels: np.ndarray, frames: np.ndarray, constants: dict[str, np.ndarray], options: SpectrumOptions) -> None:
    """Recomputes in float64, in place, the frames with a bin so quiet that the rounding of the loud bins dominates it.

    The error of a float32 FFT is about 1e-7 of the largest amplitude. Such frames are rare, and BLAS may round products
    of few rows in another way, so their last bit may depend on how many of them a stretch has.
    """
    limit = MIN_POWER_RATIO if _uses_power(options) else MIN_POWER_RATIO**0.5
    deep = np.flatnonzero(mels.min(axis=1) < limit * mels.max(axis=1))
    for rows in _blocks(len(deep)):
        padded = np.zeros((rows.stop - rows.start, options.padded_size), np.float32)
        _window(frames[deep[rows]], constants["window"], options, padded)
        mels[deep[rows]] = _spectrum(padded.astype(np.float64), options) @ constants["mel"]


def _dithered(samples: np.ndarray, options: SpectrumOptions, rng: np.random.Generator) -> np.ndarray:
    """Adds dither, noise whose standard deviation is in units of 16-bit samples; returns float32.

    Kaldi draws new noise for every frame; drawing it once per sample has the same distribution within a frame and is
    faster.
    """
    if options.dither == 0:
        return samples
    noise = rng.standard_normal(len(samples), dtype=np.float32)
    noise *= np.float32(options.dither / FULL_SCALE)
    noise += samples
    return noise


def _window(
    frames: np.ndarray, window: np.ndarray, options: SpectrumOptions, padded: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Removes the DC offset, applies pre-emphasis and window, and writes the frames to the first columns of `padded`.

    Every step rounds to float32 in Kaldi's order.

    Returns:
        the frames before pre-emphasis, and those columns.
    """
    raw = _remove_offset(frames) if options.remove_dc_offset else frames
    windowed = padded[:, : options.window_size]
    _preemphasize(raw, np.float32(-options.preemphasis_coefficient), out=windowed)
    windowed *= window
    return raw, windowed


def _remove_offset(frames: np.ndarray) -> np.ndarray:
    mean = np.einsum("ij->i", frames)
    mean /= np.float32(frames.shape[1])
    return frames - mean[:, None]


def _preemphasize(frames: np.ndarray, coefficient: np.float32, out: np.ndarray) -> None:
    """Computes x[i] + c x[i-1], with x[-1] = x[0]."""
    np.multiply(frames[:, :-1], coefficient, out=out[:, 1:])
    np.multiply(frames[:, 0], coefficient, out=out[:, 0])
    out += frames


def _log_energy(raw: np.ndarray, windowed: np.ndarray, options: SpectrumOptions) -> np.ndarray:
    if options.raw_energy:
        return _raw_log_energy(raw, options)
    return _floored_log(np.einsum("ij,ij->i", windowed, windowed), options)


def _raw_log_energy(frames: np.ndarray, options: SpectrumOptions) -> np.ndarray:
    return _floored_log(np.einsum("ij,ij->i", frames, frames) * np.float32(FULL_SCALE**2), options)


def _floored_log(energy: np.ndarray, options: SpectrumOptions) -> np.ndarray:
    return np.log(np.maximum(energy, max(FLOOR, np.float32(options.energy_floor))))


def _spectrum(padded: np.ndarray, options: SpectrumOptions) -> np.ndarray:
    """Computes the power (or magnitude) spectrum (frames, padded_size // 2), without the Nyquist bin."""
    spectrum = scipy.fft.rfft(padded, axis=1)[:, :-1]
    power = np.square(spectrum.real, dtype=np.float32, casting="same_kind")
    power += np.square(spectrum.imag, dtype=np.float32, casting="same_kind")
    return power if _uses_power(options) else np.sqrt(power)


def _uses_power(options: SpectrumOptions) -> bool:
    return getattr(options, "use_power", True)
