"""ECAPA-TDNN (Desplanques et al. 2020, "ECAPA-TDNN: emphasized channel attention, propagation and aggregation...")."""

from dataclasses import dataclass

from nnet import ops
from nnet.errors import InputError
from nnet.networks.base import Network
from nnet.networks.layers import BatchNorm, Conv1d
from nnet.networks.resnet import SqueezeExcitation
from nnet.ops import nn
from nnet.options import option


@dataclass(frozen=True)
class EcapaTdnnOptions:
    """ECAPA-TDNN (Desplanques et al. 2020)."""

    channels: int = option(512, "Width of the blocks (512 and 1024 in the paper).", low=1)
    scale: int = option(8, "Groups of the Res2 convolutions; must divide channels.", low=1)
    se_channels: int = option(128, "Width of the squeeze-excitation gates.", low=1)
    out_dim: int = option(1536, "Width of the last layer, which is pooled.", low=1)


class EcapaTdnn(Network):
    """The frame-level part of ECAPA-TDNN (figure 2), as WeSpeaker builds it.

    A convolution over 5 frames, three SE-Res2Blocks in sequence with dilations 2, 3 and 4, and a convolution over the
    concatenation of their outputs. Zero padding keeps the number of frames. In the paper the pooling is channel
    attention with global context, followed by batch normalization and one affine layer.

    Args:
        input_dim: feature dimension F.
        options: EcapaTdnnOptions.

    Endpoints: layer1 ... layer4, conv.
    """

    def __init__(self, input_dim: int, options: EcapaTdnnOptions = EcapaTdnnOptions()):
        super().__init__()
        channels, scale, se_channels, out_dim = options.channels, options.scale, options.se_channels, options.out_dim
        if channels % scale:
            raise InputError(f"network.channels {channels} must be a multiple of network.scale {scale}")
        self.layer1 = ConvReluNorm(input_dim, channels, 5)
        self.layer2 = SERes2Block(channels, 3, 2, scale, se_channels)
        self.layer3 = SERes2Block(channels, 3, 3, scale, se_channels)
        self.layer4 = SERes2Block(channels, 3, 4, scale, se_channels)
        self.conv = Conv1d(3 * channels, out_dim)
        self.out_dim = out_dim
        self.endpoint_dims = {f"layer{i}": channels for i in (1, 2, 3, 4)} | {"conv": out_dim}
        self.min_frames = 1

    def __call__(self, x, endpoints=None):
        """x: (B, T, F) → (B, T, out_dim)."""
        x1 = self.layer1(x)
        x2 = self.layer2(x1)
        x3 = self.layer3(x2)
        x4 = self.layer4(x3)
        x = ops.relu(self.conv(ops.concat(x2, x3, x4)))
        if endpoints is not None:
            endpoints |= {"layer1": x1, "layer2": x2, "layer3": x3, "layer4": x4, "conv": x}
        return x


class ConvReluNorm(nn.Module):
    """A convolution over time that keeps the number of frames, ReLU, batch normalization."""

    def __init__(self, in_channels, out_channels, kernel_size=1):
        super().__init__()
        self.conv = Conv1d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.bn = BatchNorm(out_channels)

    def __call__(self, x):
        """x: (B, T, in_channels) → (B, T, out_channels)."""
        return self.bn(ops.relu(self.conv(x)))


class Res2Conv(nn.Module):
    """Hierarchical convolutions (Gao et al. 2019, "Res2Net: a new multi-scale backbone architecture", eq. 1).

    The channels are split into `scale` groups x_i; y_i = f_i(x_i + y_{i-1}) for all groups but the last, which passes
    through unchanged. (In the paper the first group passes through; this form matches WeSpeaker's weights.)
    """

    def __init__(self, channels, kernel_size, dilation, scale):
        super().__init__()
        width, padding = channels // scale, dilation * (kernel_size - 1) // 2
        count = max(scale - 1, 1)
        self.scale = scale
        self.convs = [Conv1d(width, width, kernel_size, dilation=dilation, padding=padding) for _ in range(count)]
        self.bns = [BatchNorm(width) for _ in range(count)]

    def __call__(self, x):
        """x: (B, T, channels) → the same shape."""
        groups = ops.split(x, parts=self.scale)
        outputs = []
        for group, conv, bn in zip(groups, self.convs, self.bns, strict=False):
            group = group + outputs[-1] if outputs else group
            outputs.append(bn(ops.relu(conv(group))))
        return ops.concat(*outputs, *groups[len(outputs) :])


class SERes2Block(nn.Module):
    """SE-Res2Block (figure 2, left): pointwise, Res2, pointwise convolution, squeeze-excitation, shortcut."""

    def __init__(self, channels, kernel_size, dilation, scale, se_channels):
        super().__init__()
        self.conv1 = ConvReluNorm(channels, channels)
        self.res2 = Res2Conv(channels, kernel_size, dilation, scale)
        self.conv2 = ConvReluNorm(channels, channels)
        self.se = SqueezeExcitation(channels, se_channels)

    def __call__(self, x):
        """x: (B, T, channels) → the same shape."""
        return x + self.se(self.conv2(self.res2(self.conv1(x))))
