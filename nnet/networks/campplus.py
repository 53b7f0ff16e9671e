"""CAM++ (Wang et al. 2023, "CAM++: a fast and efficient network for speaker verification...", arXiv:2303.00332)."""

import math
from dataclasses import dataclass

from nnet import ops
from nnet.errors import InputError
from nnet.networks.base import Network
from nnet.networks.layers import BatchNorm, Conv1d, Conv2d
from nnet.networks.resnet import BasicBlock, stage, strided_size
from nnet.ops import mx, nn
from nnet.options import option


@dataclass(frozen=True)
class CamPlusPlusOptions:
    """CAM++ (Wang et al. 2023)."""

    growth: int = option(32, "Growth rate: channels that each dense layer adds.", low=1)
    bn_size: int = option(4, "Width of a dense layer's bottleneck, as a multiple of growth.", low=1)
    init_channels: int = option(128, "Input channels of the first block.", low=1)
    blocks: tuple[int, ...] = option((12, 24, 16), "Dense layers of each block.", low=1)
    head_channels: int = option(32, "Channels of the two-dimensional front end.", low=1)
    segment: int = option(
        100, "Length of the segments of context-aware masking, in frames after the stride of 2.", low=1
    )


class CamPlusPlus(Network):
    """The frame-level part of CAM++ (figure 1), as 3D-Speaker and WeSpeaker build it.

    A residual front end over the time-frequency plane, a strided convolution over time, and three blocks of densely
    connected layers with dilations 1, 2 and 2, each followed by a layer that halves the channels.

    Args:
        input_dim: feature dimension F.
        options: CamPlusPlusOptions.

    Endpoints: head, tdnn, block1 ... block3, transit1 ... transit3.
    """

    def __init__(self, input_dim: int, options: CamPlusPlusOptions = CamPlusPlusOptions()):
        super().__init__()
        growth, channels = options.growth, options.init_channels
        if options.bn_size * growth < 2:
            raise InputError(
                f"network.growth {growth} · network.bn_size {options.bn_size}, the width of the bottlenecks, must be "
                "at least 2"
            )
        self.head = FrontMap(options.head_channels)
        self.endpoint_dims = {"head": options.head_channels * strided_size(input_dim, 8), "tdnn": channels}
        self.tdnn = Conv1d(self.endpoint_dims["head"], channels, 5, stride=2, padding=2, bias=False)
        self.tdnn_bn = BatchNorm(channels)
        self.blocks, self.transits = [], []
        width = options.bn_size * growth
        for i, depth in enumerate(options.blocks, 1):
            dilation = 1 if i == 1 else 2
            in_dims = [channels + j * growth for j in range(depth)]
            self.blocks.append([DenseLayer(dim, growth, width, dilation, options.segment) for dim in in_dims])
            channels += depth * growth
            self.transits.append(Transit(channels, channels // 2))
            self.endpoint_dims |= {f"block{i}": channels, f"transit{i}": channels // 2}
            channels //= 2
        self.out_bn = BatchNorm(channels)
        self.out_dim = channels
        self.min_frames = 1
        self.apply_to_modules(_initialize)

    def __call__(self, x, endpoints=None):
        """x: (B, T, F) → (B, T', out_dim) with T' = T/2 rounded up."""
        endpoints = {} if endpoints is None else endpoints
        endpoints["head"] = x = self.head(x)
        endpoints["tdnn"] = x = ops.relu(self.tdnn_bn(self.tdnn(x)))
        for i, (block, transit) in enumerate(zip(self.blocks, self.transits, strict=True), 1):
            for layer in block:
                x = ops.concat(x, layer(x))
            endpoints[f"block{i}"] = x
            endpoints[f"transit{i}"] = x = transit(x)
        return ops.relu(self.out_bn(x))


class FrontMap(nn.Module):
    """The front-end convolution module (section 2.2): divides the frequency axis by 8, keeps the time axis."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = Conv2d(1, channels, 3, padding=1)
        self.bn1 = BatchNorm(channels)
        self.layer1 = stage(BasicBlock, channels, channels, 2, (2, 1))
        self.layer2 = stage(BasicBlock, channels, channels, 2, (2, 1))
        self.conv2 = Conv2d(channels, channels, 3, (2, 1), padding=1)
        self.bn2 = BatchNorm(channels)

    def __call__(self, x):
        """x: (B, T, F) → (B, T, channels * F'), F' = F/8 rounded up."""
        x = ops.relu(self.bn1(self.conv1(ops.as_map(x))))
        for block in self.layer1 + self.layer2:
            x = block(x)
        return ops.flatten_map(ops.relu(self.bn2(self.conv2(x))))


class DenseLayer(nn.Module):
    """A densely connected layer (section 2.3); its output is concatenated to its input.

    Args:
        in_channels: number of input channels.
        growth: number of output channels.
        width: channels of the bottleneck.
        dilation: dilation of the convolution over 3 frames.
        segment: frames per segment of the context-aware mask.
    """

    def __init__(self, in_channels, growth, width, dilation, segment):
        super().__init__()
        self.bn1 = BatchNorm(in_channels)
        self.linear1 = Conv1d(in_channels, width, bias=False)
        self.bn2 = BatchNorm(width)
        self.cam = ContextMask(width, growth, dilation, segment)

    def __call__(self, x):
        """x: (B, T, in_channels) → (B, T, growth)."""
        x = self.linear1(ops.relu(self.bn1(x)))
        return self.cam(ops.relu(self.bn2(x)))


class ContextMask(nn.Module):
    """Context-aware masking (section 2.4, eq. 1-6): a convolution whose output is gated by the context's means.

    The gate is computed from the mean of the utterance plus that of the frame's segment of `segment` frames. All frames
    of a segment have the same gate, so it is computed once per segment.
    """

    def __init__(self, in_channels, out_channels, dilation, segment):
        super().__init__()
        self.local = Conv1d(in_channels, out_channels, 3, dilation=dilation, padding=dilation, bias=False)
        self.linear1 = Conv1d(in_channels, in_channels // 2)
        self.linear2 = Conv1d(in_channels // 2, out_channels)
        self.segment = segment

    def __call__(self, x):
        """x: (B, T, in_channels) → (B, T, out_channels)."""
        context = ops.segment_means(x, segment=self.segment) + ops.mean(x, axis=1, keepdims=True)
        gates = ops.sigmoid(self.linear2(ops.relu(self.linear1(context))))  # (B, segments, out_channels)
        return self.local(x) * ops.repeat_segments(gates, x, segment=self.segment)


class Transit(nn.Module):
    """The transition between two blocks: batch normalization, ReLU, projection to fewer channels."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.bn = BatchNorm(in_channels)
        self.linear = Conv1d(in_channels, out_channels, bias=False)

    def __call__(self, x):
        """x: (B, T, in_channels) → (B, T, out_channels)."""
        return self.linear(ops.relu(self.bn(x)))


def _initialize(name, module):
    # He et al. 2015, "Delving deep into rectifiers", eq. 10, as in 3D-Speaker; 2-D convolutions keep the default.
    if isinstance(module, Conv1d):
        shape = module.weight.shape
        module.weight = mx.random.normal(shape, scale=math.sqrt(2 / (shape[1] * shape[2])))
        if "bias" in module:
            module.bias = mx.zeros_like(module.bias)
