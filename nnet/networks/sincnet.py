"""SincNet: filters of a waveform that are band passes with learned edges, then convolutions.

Ravanelli and Bengio 2018, "Speaker recognition from raw waveform with SincNet" (arXiv:1808.00158); the odd filters are
those of Pariente et al. 2020, "Filterbank design for end-to-end speech separation" (arXiv:1910.10400).
"""

import math

import numpy as np

from nnet import ops
from nnet.networks.layers import Conv1d, InstanceNorm
from nnet.ops import mx, nn

POOL = 3  # frames that each maximum is taken of
KERNEL = 5  # of the convolutions after the band passes
SLOPE = 0.01  # of the leaky ReLU
LEAST_HZ = 50.0  # lowest edge of a band, and its least width


class SincFilters(nn.Module):
    """Band passes over samples (B, N, 1) → (B, N', filters): even ones, then the odd ones of the same bands.

    Attributes:
        low, width: (filters / 2,), what the lower edge and the width of each band exceed LEAST_HZ by, in Hz; signs do
            not matter. The bands are spread over the mel scale at first.
    """

    def __init__(self, filters, kernel, stride, sample_rate):
        super().__init__()
        self._kernel, self._stride, self._sample_rate = kernel, stride, sample_rate
        mels = np.linspace(_mel(30.0), _mel(sample_rate / 2 - 2 * LEAST_HZ), filters // 2 + 1)
        edges = 700 * (10 ** (mels / 2595) - 1)
        self.low = mx.array(edges[:-1].astype(np.float32))
        self.width = mx.array(np.diff(edges).astype(np.float32))

    def __call__(self, x):
        shape = {"stride": (1, self._stride), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
        return ops.conv(x, self.filters(), None, **shape)

    def filters(self):
        """Computes the impulse responses (filters, kernel, 1); no gradient reaches the edges of the bands.

        Angles reach 400, where float32 is rounded by 3e-5. They are rounded as in PyTorch's implementation: the network
        learned with its angles, and with others probabilities of speech differed by up to 4e-4. Sines come from NumPy,
        as those of MLX are off by more than the last bit, which alone changed probabilities by 2e-5.
        """
        low = np.float32(LEAST_HZ) + np.abs(np.array(self.low))
        high = low + np.float32(LEAST_HZ) + np.abs(np.array(self.width))
        high = np.clip(high, np.float32(LEAST_HZ), np.float32(self._sample_rate / 2))
        half = self._kernel // 2
        time = np.arange(1, half + 1, dtype=np.float32) / np.float32(self._sample_rate)
        angle = np.float32(2 * math.pi) * time
        scale = np.hamming(self._kernel)[half + 1 :].astype(np.float32) / (angle * (high - low)[:, None])
        lower, upper = low[:, None] * angle, high[:, None] * angle
        even = (
            _rounded(np.sin, upper) - _rounded(np.sin, lower)
        ) * scale  # after the center; (filters / 2, kernel // 2)
        odd = (_rounded(np.cos, lower) - _rounded(np.cos, upper)) * scale
        center = np.ones((len(low), 1), np.float32)
        even = np.concatenate([even[:, ::-1], center, even], axis=1)
        odd = np.concatenate([-odd[:, ::-1], 0 * center, odd], axis=1)
        return mx.array(np.concatenate([even, odd])[..., None])


def _rounded(function, angle):
    return function(angle.astype(np.float64)).astype(np.float32)


class SincNet(nn.Module):
    """Samples (B, N) → frames (B, T, channels[-1]); each layer ends with maxima of 3 frames and a normalization."""

    def __init__(self, filters, kernel, stride, channels, sample_rate):
        super().__init__()
        self.norm = InstanceNorm(1)
        dims = (filters, *channels)
        self.convs = [SincFilters(filters, kernel, stride, sample_rate)]
        self.convs += [Conv1d(i, o, KERNEL) for i, o in zip(dims, dims[1:], strict=False)]
        self.norms = [InstanceNorm(dim) for dim in dims]
        self._kernels = [(kernel, stride), *[(KERNEL, 1)] * len(channels)]

    def __call__(self, samples):
        x = self.norm(ops.expand_dims(samples, axis=-1))
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = conv(x) if i else ops.absolute(conv(x))
            x = ops.leaky_relu(norm(ops.max_pool(x, size=POOL)), slope=SLOPE)
        return x

    def frames(self, samples):
        """Returns the number of frames of so many samples."""
        for kernel, stride in self._kernels:
            samples = ((samples - kernel) // stride + 1) // POOL
        return max(samples, 0)

    @property
    def frame_step(self):
        """Distance between frames in samples."""
        return math.prod(stride * POOL for _, stride in self._kernels)

    @property
    def first_center(self):
        """The sample in the middle of those that the first frame depends on."""
        center, step = 0, 1
        for kernel, stride in self._kernels:
            center, step = center + step * (kernel // 2), step * stride
            center, step = center + step * (POOL // 2), step * POOL
        return center


def _mel(hertz):
    return 2595 * math.log10(1 + hertz / 700)
