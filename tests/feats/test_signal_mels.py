"""Mel spectra with pre-emphasis over the whole signal, against PyTorch's operations in the order of the originals."""

import numpy as np
import pytest

from nnet.errors import InputError
from nnet.feats.front_end import describe
from nnet.feats.options import MelOptions
from nnet.feats.spectrum import compute_rows
from nnet.rows import StoredRows, gathered

torch = pytest.importorskip("torch")
RATE = 16000


def emphasized(x, normalize, least):
    if normalize:
        x = (x - x.mean()) / (x.std(unbiased=False) + least)
    return x - 0.97 * torch.cat([x[1:2], x[:-1]])


def tfmel(x, bins, normalize):
    """WeSpeaker's: a convolution with windowed sines and cosines, triangles in mel up to the last but one FFT bin."""
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 399)
    angles = 2 * np.pi * np.outer(np.arange(256), np.arange(400)) / 512
    y = emphasized(x, normalize, 1e-8)[None, None]
    waves = [torch.from_numpy(f(angles) * window)[:, None] for f in (np.cos, np.sin)]
    power = sum(torch.nn.functional.conv1d(y, wave, stride=160, padding=80) ** 2 for wave in waves)[0]
    mel = 2595 * np.log10(1 + np.linspace(0, 8000, 256) / 700)
    edges = np.linspace(*(2595 * np.log10(1 + f / 700) for f in (20, 7600)), bins + 2)
    filters = [np.interp(mel, edges[i : i + 3], [0, 1, 0], left=0, right=0) for i in range(bins)]
    mels = torch.from_numpy(np.stack(filters)) @ power.clip(1e-8, 1e8)
    return (mels.clip(1e-8, 1e8) + 1e-8).log().T.numpy()


def torchaudio(x, bins, normalize):
    """torchaudio's MelSpectrogram: the power of a centered STFT, triangles in Hz between points even in mel."""
    y = emphasized(x, normalize, 1e-6)
    window = torch.hamming_window(400, dtype=torch.float64)
    power = torch.stft(y, 512, 160, 400, window, center=True, pad_mode="reflect", return_complex=True).abs() ** 2
    edges = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + f / 700) for f in (20, 7600)), bins + 2) / 2595) - 1)
    frequencies = np.linspace(0, 8000, 257)
    filters = [np.interp(frequencies, edges[i : i + 3], [0, 1, 0], left=0, right=0) for i in range(bins)]
    return (torch.from_numpy(np.stack(filters)) @ power + 1e-6).log().T.numpy()


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("reference", [tfmel, torchaudio])
def test_values_are_those_of_pytorch(reference, normalize):
    offset = 1e-6 if reference is torchaudio else 1e-8
    options = MelOptions(layout=reference.__name__, num_mel_bins=40, normalize_signal=normalize, offset=offset)
    noise = np.random.default_rng(0).normal(0.01, 0.1, 3 * RATE).astype(np.float32)
    noise[RATE : RATE + 4000] *= 1e-3
    for count in (300, 401, 5000, 5119, 5120, len(noise)):  # one second is longer than a block of frames
        samples = noise[:count]
        expected = reference(torch.from_numpy(samples).double(), 40, normalize)
        ours = np.asarray(compute_rows(samples, options))
        assert ours.shape == expected.shape == (options.num_frames(count), 40)
        np.testing.assert_allclose(ours, expected, atol=2e-3)


@pytest.mark.parametrize("layout", ["tfmel", "torchaudio"])
def test_long_recordings_are_read_in_parts(layout, monkeypatch):
    samples = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)
    options = MelOptions(layout=layout, normalize_signal=True, subtract_mean=True)
    expected = np.asarray(compute_rows(samples, options))
    monkeypatch.setattr("nnet.rows.LONG", 1000)
    monkeypatch.setattr("nnet.feats.signal_mels.STRETCH", 7000)
    stored = gathered(iter([samples[:5000], samples[5000:]]))
    assert isinstance(stored, StoredRows)
    np.testing.assert_allclose(np.asarray(compute_rows(stored, options)), expected, atol=1e-5)
    assert abs(expected.mean(axis=0)).max() < 1e-5


def test_signals_without_a_frame_and_options_that_do_not_fit():
    assert [len(compute_rows(np.zeros(n, np.float32), MelOptions())) for n in (0, 1, 239, 240)] == [0, 0, 0, 1]
    assert len(compute_rows(np.zeros(2, np.float32), MelOptions(layout="torchaudio"))) == 1
    with pytest.raises(InputError, match="fft-size 256 must be even and at least a frame, 400 samples"):
        MelOptions(fft_size=256)
    with pytest.raises(InputError, match="dither 1: features of type mel have none; set it to 0"):
        MelOptions(dither=1.0)
    with pytest.raises(InputError, match="offset"):
        MelOptions.from_dict({"offset": 1e-46})
    conf = {"type": "mel", "options": MelOptions().to_dict(), "cmvn": "utterance", "silence_removed": False}
    assert "72 log mel bins at 16000 Hz, 25 ms every 10 ms, in the layout of tfmel" in describe(conf)
    with pytest.raises(InputError, match="from low-freq 20 to high-freq 9000 Hz do not fit in 0 to 8000 Hz"):
        MelOptions(high_freq=9000.0)
