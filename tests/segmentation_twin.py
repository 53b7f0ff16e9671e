"""A twin of pyannote's PyanNet in plain PyTorch, with the names of its checkpoints."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class BandPasses(nn.Module):
    """Ravanelli and Bengio 2018, eq. 4 to 6, and Pariente et al. 2020, section 3: even filters, then odd ones."""

    def __init__(self, bands, kernel, sample_rate=16000):
        super().__init__()
        half = kernel // 2
        self.low_hz_ = nn.Parameter(torch.linspace(30, 6000, bands)[:, None])
        self.band_hz_ = nn.Parameter(torch.linspace(40, 300, bands)[:, None])
        self.register_buffer("window_", torch.from_numpy(np.hamming(kernel)[:half]).float())
        self.register_buffer("n_", 2 * np.pi * torch.arange(-half, 0.0)[None] / sample_rate)
        self.nyquist = sample_rate / 2

    def filters(self):
        low = 50 + self.low_hz_.abs()
        high = (low + 50 + self.band_hz_.abs()).clamp(50, self.nyquist)
        weight = self.window_ / (self.n_ * (high - low))
        even = (torch.sin(high @ self.n_) - torch.sin(low @ self.n_)) * weight
        odd = (torch.cos(low @ self.n_) - torch.cos(high @ self.n_)) * weight
        one = torch.ones_like(low)
        even = torch.cat([even, one, even.flip(1)], dim=1)
        odd = torch.cat([odd, 0 * one, -odd.flip(1)], dim=1)
        return torch.cat([even, odd])[:, None]


class Encoder(nn.Module):
    def __init__(self, bands, kernel, stride):
        super().__init__()
        self.filterbank, self.stride = BandPasses(bands, kernel), stride

    def forward(self, x):
        return functional.conv1d(x, self.filterbank.filters(), stride=self.stride).abs()


class SincNet(nn.Module):
    def __init__(self, bands, kernel, stride, channels):
        super().__init__()
        dims = (2 * bands, *channels)
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        convs = [nn.Conv1d(i, o, 5) for i, o in zip(dims, channels, strict=False)]
        self.conv1d = nn.ModuleList([Encoder(bands, kernel, stride), *convs])
        self.norm1d = nn.ModuleList([nn.InstanceNorm1d(dim, affine=True) for dim in dims])

    def forward(self, x):
        x = self.wav_norm1d(x)
        for conv, norm in zip(self.conv1d, self.norm1d, strict=True):
            x = functional.leaky_relu(norm(functional.max_pool1d(conv(x), 3)))
        return x


class PyanNet(nn.Module):
    """Samples (B, N) → probabilities (B, T, classes); the defaults have the sizes of segmentation-3.0."""

    def __init__(
        self, bands=40, kernel=251, stride=10, channels=(60, 60), width=128, layers=4, dims=(128, 128), classes=7
    ):
        super().__init__()
        self.sincnet = SincNet(bands, kernel, stride, channels)
        self.lstm = nn.LSTM(channels[-1], width, layers, bidirectional=True, batch_first=True)
        widths = (2 * width, *dims)
        self.linear = nn.ModuleList([nn.Linear(i, o) for i, o in zip(widths, dims, strict=False)])
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, samples):
        x, _ = self.lstm(self.sincnet(samples[:, None]).transpose(1, 2))
        for layer in self.linear:
            x = functional.leaky_relu(layer(x))
        return self.classifier(x).softmax(-1)
