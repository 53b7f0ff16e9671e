"""Res2Net over the time-frequency plane (Gao et al. 2019), with the widths of WeSpeaker and 3D-Speaker."""

from dataclasses import dataclass

from nnet import ops
from nnet.errors import InputError
from nnet.networks.base import Network
from nnet.networks.layers import BatchNorm, Conv2d
from nnet.networks.resnet import apply_layers, shortcut, strided_size
from nnet.ops import nn
from nnet.options import option

STAGES = 4
LIMIT = 20.0  # the most that a ReLU inside a block lets through, as in WeSpeaker and 3D-Speaker


@dataclass(frozen=True)
class Res2NetOptions:
    """Res2Net (Gao et al. 2019, "Res2Net: a new multi-scale backbone architecture")."""

    channels: int = option(
        32, "Channels of the first stage (64: large); the others have 2, 4 and 8 times as many.", low=1
    )
    blocks: tuple[int, ...] = option((3, 4, 6, 3), "Blocks of each of the four stages.", low=1)
    base_width: int = option(32, "Channels of a group of a block, for each 64 channels of its stage.", low=1)
    scale: int = option(2, "Groups of a block, convolved one after the other.", low=2)
    expansion: int = option(2, "Output channels of a block, as a multiple of its stage's channels.", low=1)


class Res2Net(Network):
    """Res2Net with the four stages of ResNet34 (Zhou et al. 2021, "ResNeXt and Res2Net structures for speaker...").

    A 3×3 stem, then stages with 1, 2, 4 and 8 times `channels`; stages 2 to 4 begin with stride 2 in frequency and
    time. Features (B, T, F) become a map (B, F/8, T/8, C), both sizes rounded up, which is flattened to frames.

    Args:
        input_dim: feature dimension F; any number.
        options: Res2NetOptions.

    Endpoints: layer1 ... layer4, the map of each stage, flattened to frames.
    """

    def __init__(self, input_dim: int, options: Res2NetOptions = Res2NetOptions()):
        super().__init__()
        if len(options.blocks) != STAGES:
            raise InputError(f"network.blocks needs {STAGES} numbers, one a stage, not {len(options.blocks)}")
        if not group_width(options.channels, options):
            raise InputError(
                f"network.channels {options.channels} with network.base_width {options.base_width} leaves no channel "
                "for a group of a block; raise one of them"
            )
        self.conv1 = Conv2d(1, options.channels, 3, padding=1)
        self.bn1 = BatchNorm(options.channels)
        inputs = options.channels
        self.endpoint_dims = {}
        for i, depth in enumerate(options.blocks):
            channels, stride = options.channels * 2**i, 2 if i else 1
            outputs, block = channels * options.expansion, self.block_of_stage(i)
            self[f"layer{i + 1}"] = [
                block(outputs if j else inputs, channels, 1 if j else stride, options) for j in range(depth)
            ]
            self.endpoint_dims[f"layer{i + 1}"] = outputs * strided_size(input_dim, 2**i)
            inputs = outputs
        self.out_dim = self.endpoint_dims[f"layer{STAGES}"]
        self.min_frames = 1

    def block_of_stage(self, stage):
        """Returns the class of the blocks of a stage, counted from 0."""
        return Res2Block

    def __call__(self, x, endpoints=None):
        """x: (B, T, F) → (B, T', out_dim) with T' = T/8 rounded up."""
        return ops.flatten_map(self.stages(x, endpoints)[-1])

    def stages(self, x, endpoints):
        """Computes the maps of the four stages: x (B, T, F) → a list of (B, F', T', C); fills `endpoints`."""
        x = ops.relu(self.bn1(self.conv1(ops.as_map(x))))
        maps = []
        for i in range(STAGES):
            x = apply_layers(self[f"layer{i + 1}"], x)
            maps.append(x)
            if endpoints is not None:
                endpoints[f"layer{i + 1}"] = ops.flatten_map(x)
        return maps


class Res2Block(nn.Module):
    """Hierarchical 3×3 convolutions between two 1×1 convolutions, and a shortcut (Gao et al. 2019, figure 2b, eq. 1).

    The channels are split into `scale` groups x_i; y_i = f_i(x_i + y_{i-1}) for all groups but the last, which passes
    through unchanged. (In the paper the first group passes through; this form matches WeSpeaker's weights.)

    Args:
        in_channels: channels of the input.
        channels: channels of the stage.
        stride: stride of the first convolution, and of the shortcut.
        options: Res2NetOptions.
    """

    unchanged = 1  # groups that pass through

    def __init__(self, in_channels, channels, stride, options):
        super().__init__()
        width, out_channels = group_width(channels, options), channels * options.expansion
        inner, count = width * options.scale, options.scale - self.unchanged
        self.scale = options.scale
        self.conv1 = Conv2d(in_channels, inner, 1, stride, padding=0)
        self.bn1 = BatchNorm(inner)
        self.convs = [Conv2d(width, width, 3, padding=1) for _ in range(count)]
        self.bns = [BatchNorm(width) for _ in range(count)]
        self.conv3 = Conv2d(inner, out_channels, 1, padding=0)
        self.bn3 = BatchNorm(out_channels)
        self.shortcut = shortcut(in_channels, out_channels, stride)

    def __call__(self, x):
        """x: (B, F, T, in_channels) → (B, F', T', channels · expansion)."""
        y = ops.relu(self.bn1(self.conv1(x)), limit=LIMIT)
        y = self.convolve(ops.split(y, parts=self.scale))
        y = self.bn3(self.conv3(y))
        return ops.relu(y + apply_layers(self.shortcut, x), limit=LIMIT)

    def convolve(self, groups):
        """Convolves the groups one after the other: `scale` maps (B, F, T, width) → (B, F, T, scale · width)."""
        outputs = []
        for i, (conv, bn) in enumerate(zip(self.convs, self.bns, strict=True)):
            x = self.join(outputs[-1], groups[i], i) if i else groups[i]
            outputs.append(ops.relu(bn(conv(x)), limit=LIMIT))
        return ops.concat(*outputs, *groups[len(outputs) :])

    def join(self, previous, group, i):
        """Joins group i with the output of the group before it, both (B, F, T, width)."""
        return previous + group


def group_width(channels, options):
    """Returns the channels of a group of a block, in a stage with `channels`."""
    return channels * options.base_width // 64
