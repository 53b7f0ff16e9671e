"""ERes2Net (Chen et al. 2023, "An enhanced Res2Net with local and global feature fusion for speaker verification")."""

from dataclasses import dataclass

from nnet import ops
from nnet.networks.layers import BatchNorm, Conv2d
from nnet.networks.res2net import STAGES, Res2Block, Res2Net, Res2NetOptions, group_width
from nnet.ops import nn


@dataclass(frozen=True)
class ERes2NetOptions(Res2NetOptions):
    """ERes2Net (Chen et al. 2023); its augmented size has 64 channels, base width 24, scale 3 and expansion 4."""


class ERes2Net(Res2Net):
    """ERes2Net: Res2Net with attentional feature fusion inside its blocks and from stage to stage.

    Local feature fusion: the blocks of stages 3 and 4 fuse the groups of channels instead of adding them. Global
    feature fusion, bottom-up: the map of stage 1, halved by a strided convolution, is fused with that of stage 2, the
    result in the same way with that of stage 3, and then of stage 4.

    Args:
        input_dim: feature dimension F; any number.
        options: ERes2NetOptions.

    Endpoints: layer1 ... layer4, the map of each stage before global fusion, flattened to frames.
    """

    def __init__(self, input_dim: int, options: ERes2NetOptions = ERes2NetOptions()):
        super().__init__(input_dim, options)
        widths = [options.channels * 2**i * options.expansion for i in range(STAGES)]
        self.downsamples = [halving(width) for width in widths[:-1]]
        self.fusions = [AttentionalFusion(width) for width in widths[1:]]

    def block_of_stage(self, stage):
        return EnhancedBlock if stage < 2 else FusionBlock

    def __call__(self, x, endpoints=None):
        """x: (B, T, F) → (B, T', out_dim) with T' = T/8 rounded up."""
        fused, *maps = self.stages(x, endpoints)
        for x, downsample, fusion in zip(maps, self.downsamples, self.fusions, strict=True):
            fused = fusion(x, downsample(fused))
        return ops.flatten_map(fused)


class EnhancedBlock(Res2Block):
    """A Res2Block in which every group is convolved."""

    unchanged = 0


class FusionBlock(EnhancedBlock):
    """An EnhancedBlock in which a group is fused with the output of the one before it (local feature fusion)."""

    def __init__(self, in_channels, channels, stride, options):
        super().__init__(in_channels, channels, stride, options)
        width = group_width(channels, options)
        self.fusions = [AttentionalFusion(width) for _ in range(options.scale - 1)]

    def join(self, previous, group, i):
        return self.fusions[i - 1](previous, group)


class AttentionalFusion(nn.Module):
    """Attentional feature fusion of two maps x and y: (1 + a) x + (1 - a) y.

    a = tanh(bn(W2 silu(bn(W1 [x; y])))), computed for each bin and frame, has a value for each channel.

    Args:
        channels: channels of each map and of the result.
    """

    reduction = 4  # channels / hidden units

    def __init__(self, channels):
        super().__init__()
        hidden = channels // self.reduction
        self.conv1 = Conv2d(2 * channels, hidden, 1, padding=0, bias=True)
        self.bn1 = BatchNorm(hidden)
        self.conv2 = Conv2d(hidden, channels, 1, padding=0, bias=True)
        self.bn2 = BatchNorm(channels)

    def __call__(self, x, y):
        """x, y: (B, F, T, channels) → the same shape."""
        hidden = self.bn1(self.conv1(ops.concat(x, y)))
        attention = ops.tanh(self.bn2(self.conv2(hidden * ops.sigmoid(hidden))))
        return x + y + attention * (x - y)


def halving(channels):
    """Makes the convolution that halves a map in frequency and time and doubles its channels."""
    return Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
