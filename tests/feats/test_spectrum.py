"""MFCC and filter banks: Kaldi's numbers, and every option against a float64 twin written from the definitions."""

import dataclasses

import numpy as np
import pytest
import soundfile

from nnet.feats.options import FbankOptions, MelOptions, MfccOptions
from nnet.feats.spectrum import compute_fbank, compute_mfcc
from nnet.kaldi.ark import read_dict
from nnet.kaldi.tables import read_table


def test_mfccs_are_those_of_kaldi(kaldi, recordings, mfccs):
    options = MfccOptions.from_conf(kaldi / "mfcc_vox.conf")
    for utterance, expected in mfccs.items():
        np.testing.assert_allclose(compute_mfcc(recordings[utterance], options), expected, rtol=0, atol=1e-3)


def read_reference(folder, name, cls, scp):
    """(options, [(samples, Kaldi's features)]) of one archive of the reference."""
    feats = read_dict(str(folder / f"{name}.ark"))
    wavs = read_table(folder / scp)
    pairs = [(soundfile.read(folder / wavs[u], dtype="float32")[0], matrix) for u, matrix in feats.items()]
    return cls.from_conf(folder / f"{name}.conf"), pairs


@pytest.mark.parametrize(("name", "scp"), [("mfcc_vox", "wav_16k.scp"), ("mfcc_sre16", "wav_8k.scp")])
def test_mfccs_of_the_whole_reference(kaldi_reference, name, scp):
    options, pairs = read_reference(kaldi_reference / "feats", name, MfccOptions, scp)
    for samples, expected in pairs:
        np.testing.assert_allclose(compute_mfcc(samples, options), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", ["fbank80", "fbank40_variant"])
def test_filter_banks_of_the_whole_reference(kaldi_reference, name):
    options, pairs = read_reference(kaldi_reference / "feats", name, FbankOptions, "wav_16k.scp")
    for samples, expected in pairs:
        feats = compute_fbank(samples, options)
        assert feats.shape == expected.shape
        # Kaldi's float32 FFT rounds every bin to 2^-24 of the loudest: in a narrow bin 100 dB below, that shows.
        rounding = 2**-24 * np.exp(0.5 * (expected.max(axis=1, keepdims=True) - expected))
        assert np.all(np.abs(feats - expected) <= 1e-3 + rounding)
        assert np.mean(np.abs(feats - expected) > 1e-3) < 1e-4


def twin(samples, options):
    """Log mel energies and log energies in float64, a frame at a time: the definition."""
    size, shift, padded = options.window_size, options.window_shift, options.padded_size
    phase = 2 * np.pi * np.arange(size) / (size - 1)
    window = {
        "hamming": 0.54 - 0.46 * np.cos(phase),
        "hanning": 0.5 - 0.5 * np.cos(phase),
        "povey": (0.5 - 0.5 * np.cos(phase)) ** 0.85,
        "rectangular": np.ones(size),
        "sine": np.sin(0.5 * phase),
        "blackman": options.blackman_coeff - 0.5 * np.cos(phase) + (0.5 - options.blackman_coeff) * np.cos(2 * phase),
    }[options.window_type]
    signal = 32768.0 * samples.astype(np.float64)
    count = options.num_frames(len(signal))
    mels, energies = [], []
    for t in range(count):
        first = shift * t if options.snip_edges else shift * t + shift // 2 - size // 2
        frame = np.array([signal[reflected(i, len(signal))] for i in range(first, first + size)])
        if options.remove_dc_offset:
            frame = frame - frame.mean()
        raw = np.sum(frame**2)
        frame = (frame - options.preemphasis_coefficient * np.r_[frame[0], frame[:-1]]) * window
        energies.append(raw if options.raw_energy else np.sum(frame**2))
        spectrum = np.abs(np.fft.fft(frame, padded)[: padded // 2])
        mels.append(mel_sums(spectrum if not getattr(options, "use_power", True) else spectrum**2, options))
    floor = max(options.energy_floor, np.finfo(np.float32).eps)
    return np.array(mels), np.log(np.maximum(energies, floor))


def reflected(place, length):
    while not 0 <= place < length:
        place = -place - 1 if place < 0 else 2 * length - 1 - place
    return place


def mel_sums(spectrum, options):
    def scale(frequency):
        return 1127 * np.log(1 + frequency / 700)

    nyquist = options.sample_frequency / 2
    high = options.high_freq if options.high_freq > 0 else nyquist + options.high_freq
    corners = np.linspace(scale(options.low_freq), scale(high), options.num_mel_bins + 2)
    sums = np.zeros(options.num_mel_bins)
    for i, value in enumerate(spectrum):
        place = scale(i * options.sample_frequency / options.padded_size)
        for b in range(options.num_mel_bins):
            left, centre, right = corners[b : b + 3]
            if left < place < right:
                rise, fall = (place - left) / (centre - left), (right - place) / (right - centre)
                sums[b] += value * min(rise, fall)
    return sums


VARIANTS = [
    {"window_type": "hamming"},
    {"window_type": "hanning", "snip_edges": False},
    {"window_type": "rectangular", "num_mel_bins": 15},
    {"window_type": "sine", "high_freq": -1000.0},
    {"window_type": "blackman", "blackman_coeff": 0.4},
    {"remove_dc_offset": False, "preemphasis_coefficient": 0.0},
    {"round_to_power_of_two": False, "low_freq": 100.0},
    {"sample_frequency": 11025.0, "frame_length": 20.0, "frame_shift": 8.0, "round_to_power_of_two": False},
    {"frame_length": 8.0, "frame_shift": 20.0, "snip_edges": False, "num_mel_bins": 10},  # gaps between frames
    {"raw_energy": False, "energy_floor": 1e7},
]


@pytest.fixture
def noise():
    samples = np.random.default_rng(1).normal(0, 0.1, 2400)
    return (0.02 + samples * np.linspace(0.01, 1, 2400)).astype(np.float32)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: " ".join(f"{k}={x}" for k, x in v.items()))
@pytest.mark.parametrize(
    "extra", [{}, {"use_power": False}, {"use_log_fbank": False}], ids=["log", "magnitude", "sums"]
)
def test_options_of_filter_banks(noise, variant, extra):
    options = FbankOptions(dither=0.0, use_energy=True, **variant, **extra)
    mels, energy = twin(noise, options)
    feats = compute_fbank(noise, options)
    np.testing.assert_allclose(feats[:, 0], energy, atol=1e-4)
    if options.use_log_fbank:
        np.testing.assert_allclose(feats[:, 1:], np.log(np.maximum(mels, np.finfo(np.float32).eps)), atol=1e-3)
    else:
        np.testing.assert_allclose(feats[:, 1:], mels, rtol=1e-3)


@pytest.mark.parametrize("lifter", [0.0, 22.0, 30.0])
def test_cosine_transform_and_lifter(noise, lifter):
    options = MfccOptions(dither=0.0, use_energy=False, num_ceps=20, cepstral_lifter=lifter)
    mels, _ = twin(noise, options)
    k, n = np.arange(20), np.arange(23)
    matrix = np.sqrt(2 / 23) * np.cos(np.pi / 23 * np.outer(n + 0.5, k))
    matrix[:, 0] = np.sqrt(1 / 23)
    weights = 1 + lifter / 2 * np.sin(np.pi * k / lifter) if lifter else 1
    np.testing.assert_allclose(compute_mfcc(noise, options), np.log(mels) @ matrix * weights, atol=1e-3)


def test_energy_stands_in_the_place_of_c0(noise):
    plain = compute_mfcc(noise, MfccOptions(dither=0.0, use_energy=False))
    with_energy = compute_mfcc(noise, MfccOptions(dither=0.0))
    assert np.array_equal(plain[:, 1:], with_energy[:, 1:])
    np.testing.assert_allclose(with_energy[:, 0], twin(noise, MfccOptions(dither=0.0))[1], atol=1e-4)


def test_subtract_mean(noise):
    options = MfccOptions(dither=0.0)
    feats = compute_mfcc(noise, options)
    centred = compute_mfcc(noise, dataclasses.replace(options, subtract_mean=True))
    np.testing.assert_allclose(centred, feats - feats.mean(axis=0), atol=1e-5)


def test_blocks_leave_no_seam(noise, monkeypatch):
    options = MfccOptions(dither=0.0, snip_edges=False)
    whole = compute_mfcc(noise, options)
    monkeypatch.setattr("nnet.feats.spectrum.BLOCK", 7)
    np.testing.assert_allclose(compute_mfcc(noise, options), whole, atol=1e-4)


@pytest.mark.parametrize("length", [0, 1, 79, 80, 399, 400, 559, 560])
@pytest.mark.parametrize("snip", [True, False])
def test_short_signals(length, snip):
    options = MfccOptions(dither=0.0, snip_edges=snip)
    feats = compute_mfcc(np.full(length, 0.1, np.float32), options)
    expected = (1 + (length - 400) // 160 if length >= 400 else 0) if snip else (length + 80) // 160
    assert feats.shape == (expected, 13)
    assert np.isfinite(feats).all()


def test_dither_depends_on_the_generator_alone(noise):
    options = MfccOptions()
    one, same, other = (compute_mfcc(noise, options, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_dither_has_the_asked_strength():
    silence = np.zeros(16000, np.float32)
    feats = compute_mfcc(silence, MfccOptions(dither=3.0), np.random.default_rng(0))
    np.testing.assert_allclose(np.exp(feats[:, 0]).mean(), 9 * 400, rtol=0.05)


@pytest.mark.parametrize(
    "options",
    [
        FbankOptions(),
        FbankOptions(snip_edges=False, frame_shift=7.0),
        MelOptions(),
        MelOptions(frame_shift=12.0, frame_length=31.0),
        MelOptions(layout="torchaudio"),
    ],
)
def test_the_shortest_signal_of_a_number_of_frames(options):
    for count in (1, 2, 3, 50):
        samples = options.num_samples(count)
        assert options.num_frames(samples) == count
        assert options.num_frames(samples - 1) == count - 1
