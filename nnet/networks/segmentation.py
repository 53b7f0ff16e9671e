"""A network that says who of a few speakers talks in each frame of a window: PyanNet with a powerset of speakers.

Bredin and Laurent 2021, "End-to-end speaker segmentation for overlap-aware resegmentation" (arXiv:2104.04045); Plaquet
and Bredin 2023, "Powerset multi-class cross entropy loss for neural speaker diarization" (arXiv:2310.13025). It takes
samples and knows speakers by numbers that hold within a window only, so it is no `Network` of a SpeakerNet.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from nnet import ops
from nnet.errors import InputError
from nnet.networks.layers import Linear, Lstm
from nnet.networks.sincnet import SLOPE, SincNet
from nnet.ops import nn
from nnet.options import option


@dataclass(frozen=True)
class SegmentationOptions:
    """SincNet, LSTM in both directions, linear layers; by default the sizes of pyannote's segmentation-3.0."""

    sample_rate: int = option(16000, "Sampling rate in Hz.", low=1000, high=192000)
    seconds: float = option(10.0, "Length of a window.", above=0, high=600)
    speakers: int = option(3, "Speakers of a window.", low=1, high=20)
    at_once: int = option(2, "Speakers of a frame, at most.", low=1, high=20)
    filters: int = option(80, "Band passes; an even number.", low=2)
    kernel: int = option(251, "Samples of a band pass; an odd number.", low=3, high=10001)
    stride: int = option(10, "Distance between the outputs of the band passes in samples.", low=1, high=10000)
    channels: tuple[int, ...] = option((60, 60), "Channels of the convolutions after the band passes.", low=1)
    lstm_width: int = option(128, "Units of the LSTM in each direction.", low=1)
    lstm_layers: int = option(4, "Layers of the LSTM.", low=1, high=50)
    linear_dims: tuple[int, ...] = option((128, 128), "Widths of the linear layers before the classifier.", low=1)

    def __post_init__(self):
        if self.filters % 2 or not self.kernel % 2:
            raise InputError(f"filters must be even and kernel odd, not {self.filters} and {self.kernel}")
        if self.at_once > self.speakers:
            raise InputError(f"at_once {self.at_once} is above speakers {self.speakers}")


class SegmentationNet(nn.Module):
    """Samples (B, N) → probabilities (B, T, K) of each set of speakers; `speaker_sets` lists the K sets."""

    def __init__(self, options=SegmentationOptions()):
        super().__init__()
        self._options = options
        sizes = (options.filters, options.kernel, options.stride, options.channels, options.sample_rate)
        self.sincnet = SincNet(*sizes)
        frame_dim = ([options.filters, *options.channels])[-1]
        widths = [frame_dim] + [2 * options.lstm_width] * options.lstm_layers
        self.lstm = [Lstm(width, options.lstm_width) for width in widths[:-1]]
        dims = (widths[-1], *options.linear_dims)
        self.linear = [Linear(i, o) for i, o in zip(dims, dims[1:], strict=False)]
        self.classifier = Linear(dims[-1], len(speaker_sets(options.speakers, options.at_once)))

    @property
    def options(self):
        """The SegmentationOptions."""
        return self._options

    def __call__(self, samples):
        x = self.sincnet(samples)
        for layer in self.lstm:
            x = layer(x)
        for layer in self.linear:
            x = ops.leaky_relu(layer(x), slope=SLOPE)
        return ops.softmax(self.classifier(x), axis=-1)


def speaker_sets(speakers, at_once):
    """Returns which speakers each class of a powerset has: bool (K, speakers), smaller sets first.

    For 3 speakers, 2 at once: nobody, 0, 1, 2, 0 and 1, 0 and 2, 1 and 2 (Plaquet and Bredin 2023, section 2).
    """
    sets = [s for size in range(at_once + 1) for s in itertools.combinations(range(speakers), size)]
    classes = np.zeros((len(sets), speakers), bool)
    for row, members in zip(classes, sets, strict=True):
        row[list(members)] = True
    return classes
