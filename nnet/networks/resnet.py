"""Residual networks over the time-frequency plane, with WeSpeaker's widths."""

from dataclasses import dataclass

from nnet import ops
from nnet.errors import InputError
from nnet.networks.base import Network
from nnet.networks.layers import BatchNorm, Conv2d, Linear
from nnet.ops import nn
from nnet.options import option


@dataclass(frozen=True)
class ResNetOptions:
    """ResNet (He et al. 2016, "Deep residual learning for image recognition") with WeSpeaker's widths."""

    depth: int = option(34, "Number of layers.", choices=(18, 34, 50, 101, 152, 221, 293))
    channels: int = option(32, "Channels of the first stage; the others have 2, 4 and 8 times as many.", low=1)
    se_reduction: int = option(
        0, "Squeeze-excitation in every block, with channels / se_reduction hidden units; 0: none.", low=0
    )


class ResidualNetwork(Network):
    """A 3×3 stem without stride or pooling, then four stages of residual blocks.

    The stages have 1, 2, 4 and 8 times `channels`; stages 2 to 4 begin with stride 2 in frequency and time. Features
    (B, T, F) become a map (B, F/8, T/8, C), both sizes rounded up, which is flattened to frames.

    Args:
        input_dim: feature dimension F; any number.
        channels: channels of the stem and, inside the blocks, of the first stage.
        block: class of the blocks.
        depths: number of blocks of each stage.
        se_reduction: argument of the blocks.

    Endpoints: layer1 ... layer4, the map of each stage, flattened to frames.
    """

    def __init__(self, input_dim, channels, block, depths, se_reduction=0):
        super().__init__()
        if se_reduction > channels * block.expansion:
            raise InputError(
                f"network.se_reduction {se_reduction} leaves the gates no hidden unit; give at most the "
                f"{channels * block.expansion} channels of the first stage"
            )
        self.conv1 = Conv2d(1, channels, 3, padding=1)
        self.bn1 = BatchNorm(channels)
        self.layer1 = stage(block, channels, channels, depths[0], 1, se_reduction)
        self.layer2 = stage(block, channels * block.expansion, channels * 2, depths[1], 2, se_reduction)
        self.layer3 = stage(block, channels * 2 * block.expansion, channels * 4, depths[2], 2, se_reduction)
        self.layer4 = stage(block, channels * 4 * block.expansion, channels * 8, depths[3], 2, se_reduction)
        widths = [channels * 2**i * block.expansion for i in range(4)]
        self.endpoint_dims = {f"layer{i + 1}": w * strided_size(input_dim, 2**i) for i, w in enumerate(widths)}
        self.out_dim = self.endpoint_dims["layer4"]
        self.min_frames = 1

    def __call__(self, x, endpoints=None):
        """x: (B, T, F) → (B, T', out_dim) with T' = T/8 rounded up."""
        x = ops.relu(self.bn1(self.conv1(ops.as_map(x))))
        for name in ("layer1", "layer2", "layer3", "layer4"):
            for block in self[name]:
                x = block(x)
            if endpoints is not None:
                endpoints[name] = ops.flatten_map(x)
        return ops.flatten_map(x)


class ResNet(ResidualNetwork):
    """ResNet 18 to 293 (He et al. 2016, "Deep residual learning for image recognition", table 1 and figure 5).

    Stem and strides are WeSpeaker's; depths 221 and 293 continue the bottleneck series.

    Args:
        input_dim: feature dimension F; any number.
        options: ResNetOptions.
    """

    def __init__(self, input_dim: int, options: ResNetOptions = ResNetOptions()):
        block, depths = RESNETS[options.depth]
        super().__init__(input_dim, options.channels, block, depths, options.se_reduction)


class GatedBlock(nn.Module):
    """Base class of blocks that may have a squeeze-excitation, `se`."""

    def gate(self, y):
        """Applies the squeeze-excitation to a map if the block has one."""
        return self.se(y) if "se" in self else y


class BasicBlock(GatedBlock):
    """Two 3×3 convolutions around a shortcut.

    Args:
        in_channels: channels of the input.
        channels: channels inside the block; its output has `expansion` times as many.
        stride: stride of the first convolution, a number or (frequency, time).
        se_reduction: channels / hidden units of the squeeze-excitation gate; 0: no gate.
    """

    expansion = 1

    def __init__(self, in_channels, channels, stride=1, se_reduction=0):
        super().__init__()
        self.conv1 = Conv2d(in_channels, channels, 3, stride, padding=1)
        self.bn1 = BatchNorm(channels)
        self.conv2 = Conv2d(channels, channels, 3, padding=1)
        self.bn2 = BatchNorm(channels)
        self.shortcut = shortcut(in_channels, channels, stride)
        if se_reduction:
            self.se = SqueezeExcitation(channels, channels // se_reduction)

    def __call__(self, x):
        """x: (B, F, T, in_channels) → (B, F', T', channels)."""
        y = ops.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return ops.relu(self.gate(y) + apply_layers(self.shortcut, x))


class Bottleneck(GatedBlock):
    """1×1, 3×3 and 1×1 convolutions around a shortcut; arguments as for BasicBlock."""

    expansion = 4

    def __init__(self, in_channels, channels, stride=1, se_reduction=0):
        super().__init__()
        out_channels = channels * self.expansion
        self.conv1 = Conv2d(in_channels, channels, 1, padding=0)
        self.bn1 = BatchNorm(channels)
        self.conv2 = Conv2d(channels, channels, 3, stride, padding=1)
        self.bn2 = BatchNorm(channels)
        self.conv3 = Conv2d(channels, out_channels, 1, padding=0)
        self.bn3 = BatchNorm(out_channels)
        self.shortcut = shortcut(in_channels, out_channels, stride)
        if se_reduction:
            self.se = SqueezeExcitation(out_channels, out_channels // se_reduction)

    def __call__(self, x):
        """x: (B, F, T, in_channels) → (B, F', T', 4 * channels)."""
        y = ops.relu(self.bn1(self.conv1(x)))
        y = ops.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return ops.relu(self.gate(y) + apply_layers(self.shortcut, x))


class SqueezeExcitation(nn.Module):
    """Scales each channel by a gate in (0, 1) (Hu et al. 2018, "Squeeze-and-excitation networks", eq. 2-4).

    Args:
        channels: channels of input and output.
        width: hidden units.
    """

    def __init__(self, channels, width):
        super().__init__()
        self.linear1 = Linear(channels, width)
        self.linear2 = Linear(width, channels)

    def __call__(self, x):
        """x: (B, ..., channels) → the same shape; the gate sees the means over all axes between the two."""
        means = ops.mean(x, axis=tuple(range(1, x.ndim - 1)), keepdims=True)
        return x * ops.sigmoid(self.linear2(ops.relu(self.linear1(means))))


def apply_layers(layers, x):
    """Applies layers in sequence."""
    for layer in layers:
        x = layer(x)
    return x


def shortcut(in_channels, out_channels, stride):
    """Makes the layers of a shortcut: [1×1 convolution, BatchNorm] if the block changes the shape, otherwise []."""
    if stride in (1, (1, 1)) and in_channels == out_channels:
        return []
    return [Conv2d(in_channels, out_channels, 1, stride, padding=0), BatchNorm(out_channels)]


def stage(block, in_channels, channels, depth, stride, se_reduction=0):
    """Makes a list of `depth` residual blocks, the first with `stride`."""
    first = block(in_channels, channels, stride, se_reduction)
    return [first] + [block(channels * block.expansion, channels, 1, se_reduction) for _ in range(depth - 1)]


def strided_size(size, stride):
    """Returns the size of an axis after padded 3×3 convolutions of this total stride: size / stride rounded up."""
    return -(-size // stride)


RESNETS = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
    221: (Bottleneck, (6, 16, 48, 3)),
    293: (Bottleneck, (10, 20, 64, 3)),
}
