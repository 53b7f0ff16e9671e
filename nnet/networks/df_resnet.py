"""DF-ResNet with the strides of Golden Gemini (Liu et al. 2024, "Golden Gemini is all you need: ...")."""

from dataclasses import dataclass

from nnet import ops
from nnet.errors import InputError
from nnet.networks.base import Network
from nnet.networks.layers import BatchNorm, Conv2d
from nnet.networks.resnet import strided_size
from nnet.ops import nn
from nnet.options import option

STRIDES = ((2, 1), (2, 2), (2, 1), (2, 1))  # (frequency, time) of each stage


@dataclass(frozen=True)
class DfResNetOptions:
    """Gemini DF-ResNet (Liu et al. 2022 and 2024): deep, narrow, with depthwise convolutions."""

    blocks: tuple[int, ...] = option(
        (3, 3, 27, 3),
        "Blocks of the four stages: [3, 3, 9, 3] is DF-ResNet60, [3, 3, 27, 3] 114, [3, 8, 45, 3] 183, "
        "[3, 8, 63, 3] 237.",
        low=1,
    )
    channels: int = option(32, "Channels of the first stage; the others have 2, 4 and 8 times as many.", low=1)


class DfResNet(Network):
    """DF-ResNet (Liu et al. 2022, "DF-ResNet: boosting speaker verification performance with depth-first design").

    A 3×3 stem and four stages of inverted bottlenecks. Every stage halves the frequency axis and only the second one
    the time axis: the operating point T14c of Golden Gemini (Liu et al. 2024, arXiv 2312.03620). Features (B, T, F)
    become a map (B, F/16, T/2, 8 · channels), both sizes rounded up, which is flattened to frames.

    Args:
        input_dim: feature dimension F; any number.
        options: DfResNetOptions.

    Endpoints: stage1 ... stage4, the map of each stage, flattened to frames.

    Raises:
        InputError: `blocks` does not have four numbers.
    """

    def __init__(self, input_dim: int, options: DfResNetOptions = DfResNetOptions()):
        super().__init__()
        channels, blocks = options.channels, options.blocks
        if len(blocks) != len(STRIDES):
            raise InputError(f"network.blocks {list(blocks)} must have {len(STRIDES)} numbers, one for each stage")
        self.conv1 = Conv2d(1, channels, 3, padding=1)
        self.bn1 = BatchNorm(channels)
        self.stage1 = Stage(channels, channels, blocks[0], STRIDES[0])
        self.stage2 = Stage(channels, 2 * channels, blocks[1], STRIDES[1])
        self.stage3 = Stage(2 * channels, 4 * channels, blocks[2], STRIDES[2])
        self.stage4 = Stage(4 * channels, 8 * channels, blocks[3], STRIDES[3])
        self.endpoint_dims = {
            f"stage{i + 1}": channels * 2**i * strided_size(input_dim, 2 ** (i + 1)) for i in range(len(STRIDES))
        }
        self.out_dim = self.endpoint_dims["stage4"]
        self.min_frames = 1

    def __call__(self, x, endpoints=None):
        """x: (B, T, F) → (B, T', out_dim) with T' = T/2 rounded up."""
        x = ops.relu(self.bn1(self.conv1(ops.as_map(x))))
        for name in ("stage1", "stage2", "stage3", "stage4"):
            x = self[name](x)
            if endpoints is not None:
                endpoints[name] = ops.flatten_map(x)
        return ops.flatten_map(x)


class Stage(nn.Module):
    """A strided 3×3 convolution with batch normalization, then `depth` inverted bottlenecks."""

    def __init__(self, in_channels, channels, depth, stride):
        super().__init__()
        self.conv = Conv2d(in_channels, channels, 3, stride, padding=1)
        self.bn = BatchNorm(channels)
        self.blocks = [InvertedBottleneck(channels) for _ in range(depth)]

    def __call__(self, x):
        """x: (B, F, T, in_channels) → (B, F', T', channels)."""
        x = self.bn(self.conv(x))
        for block in self.blocks:
            x = block(x)
        return x


class InvertedBottleneck(nn.Module):
    """1×1, depthwise 3×3 and 1×1 convolutions around a shortcut, with four times as many channels inside."""

    def __init__(self, channels):
        super().__init__()
        width = 4 * channels
        self.conv1 = Conv2d(channels, width, 1, padding=0)
        self.bn1 = BatchNorm(width)
        self.conv2 = Conv2d(width, width, 3, padding=1, groups=width)
        self.bn2 = BatchNorm(width)
        self.conv3 = Conv2d(width, channels, 1, padding=0)
        self.bn3 = BatchNorm(channels)

    def __call__(self, x):
        """x: (B, F, T, channels) → the same shape."""
        y = ops.relu(self.bn1(self.conv1(x)))
        y = ops.relu(self.bn2(self.conv2(y)))
        return ops.relu(self.bn3(self.conv3(y)) + x)
