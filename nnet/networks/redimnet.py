"""ReDimNet (Yakovlev et al. 2024, "Reshape dimensions network for speaker recognition", arXiv:2407.18223)."""

import math
from dataclasses import dataclass

from nnet import ops
from nnet.errors import InputError
from nnet.networks.base import Network
from nnet.networks.layers import BatchNorm, Conv1d, Conv2d, LayerNorm, Linear
from nnet.networks.resnet import apply_layers
from nnet.networks.transformer import EncoderLayer
from nnet.ops import mx, nn
from nnet.options import option

KERNELS = (7, 19, 31, 59)  # frames of the convolutions of a time context block
HEADS = 4


@dataclass(frozen=True)
class ReDimNetOptions:
    """ReDimNet (Yakovlev et al. 2024); the default is B2, nnet_conf/redimnet_*.json are other sizes."""

    channels: int = option(
        16,
        "Channels of the first map, which has all bins; one with an Nth of the bins has N times as many.",
        low=1,
    )
    block: str = option(
        "convnext",
        "The two-dimensional blocks: convnext, basic (residual), or gated (basic with a gate for each bin).",
        choices=("convnext", "basic", "gated"),
    )
    group: int = option(4, "Channels of a group of the 3×3 convolutions; 1: depthwise.", low=1)
    strides: tuple[int, ...] = option(
        (1, 2, 1, 2, 1, 2), "Stride of each stage over the bins; their product must divide the bins.", low=1
    )
    blocks: tuple[int, ...] = option((2, 2, 3, 4, 4, 4), "Two-dimensional blocks of each stage.", low=1)
    expansions: tuple[float, ...] = option(
        (1.0,) * 6, "Width of the blocks of each stage, as a multiple of the channels of its map.", above=0
    )
    reductions: tuple[int, ...] = option(
        (12, 12, 12, 8, 8, 4), "Reduction of the width in the time context of each stage; 0: no time context.", low=0
    )
    out_channels: int = option(0, "Width of a last layer, with batch normalization; 0: no such layer.", low=0)


class ReDimNet(Network):
    """The frame-level part of ReDimNet, as its authors and WeSpeaker build it.

    Maps (B, F, T, C) and frames (B, T, F * C) are two views of the same values. Each stage sees a weighted sum of the
    outputs of all earlier ones as a map, divides its bins and multiplies its channels by a stride, and returns frames,
    so that all outputs have one shape.

    Args:
        input_dim: feature dimension F.
        options: ReDimNetOptions.

    Endpoints: stem, stage1, stage2, ...

    Raises:
        InputError: the options of the stages differ in number, or do not divide what they should.
    """

    def __init__(self, input_dim: int, options: ReDimNetOptions = ReDimNetOptions()):
        super().__init__()
        check_bins(input_dim, options.strides)
        setups = per_stage(
            strides=options.strides,
            blocks=options.blocks,
            expansions=options.expansions,
            reductions=options.reductions,
        )
        width, bins, channels = input_dim * options.channels, input_dim, options.channels
        self.stem = Stem(channels)
        self.names = tuple(f"stage{i}" for i, _ in enumerate(setups, 1))
        for number, (name, (stride, depth, expansion, reduction)) in enumerate(zip(self.names, setups, strict=True), 1):
            inner = int(round(stride * channels * expansion, 6))
            layers = [Aggregation(number, width), ToMap(bins)]
            layers.append(Conv2d(channels, inner, (stride, 1), (stride, 1), padding=0, bias=True))
            bins, channels = bins // stride, stride * channels
            layers += make_blocks(options, depth, inner, bins)
            if expansion != 1:
                layers.append(Squeeze(inner, channels, options.group))
            layers += [ToFrames(), *time_context(width, reduction)]
            self[name] = layers
        self.last = Aggregation(len(setups) + 1, width)
        self.out_dim = options.out_channels or width
        if options.out_channels:
            self.head = Conv1d(width, options.out_channels)
            self.head_bn = BatchNorm(options.out_channels)
        self.endpoint_dims = dict.fromkeys(("stem", *self.names), width)
        self.min_frames = 1

    def __call__(self, x, endpoints=None):
        """x: (B, T, F) → (B, T, out_dim)."""
        x = run_stages(self, x, endpoints)
        return self.head_bn(self.head(x)) if "head" in self else x


class Stem(nn.Module):
    """A 3×3 convolution of the features with layer normalization over its channels: (B, T, F) → (B, T, F * C)."""

    def __init__(self, channels):
        super().__init__()
        self.conv = Conv2d(1, channels, bias=True)
        self.norm = LayerNorm(channels)

    def __call__(self, x):
        return ops.flatten_map(self.norm(self.conv(ops.as_map(x))), bin_major=True)


class Aggregation(nn.Module):
    """The sum of earlier outputs, weighted for each dimension by a softmax of learned weights.

    Args:
        count: number of outputs; a single one has no weights.
        dims: their width.
    """

    def __init__(self, count, dims):
        super().__init__()
        if count > 1:
            self.weight = mx.zeros((count, dims))

    def __call__(self, outputs):
        """outputs: a list of (B, T, dims) → (B, T, dims)."""
        if "weight" not in self:
            return outputs[0]
        return ops.weighted_sum(mx.softmax(self.weight, axis=0), *outputs)


class ToMap(nn.Module):
    """Reshapes frames to a map: (B, T, F * C) → (B, F, T, C)."""

    def __init__(self, bins):
        super().__init__()
        self.bins = bins

    def __call__(self, x):
        return ops.as_map(x, bins=self.bins)


class ToFrames(nn.Module):
    """Reshapes a map to frames: (B, F, T, C) → (B, T, F * C)."""

    def __call__(self, x):
        return ops.flatten_map(x, bin_major=True)


class ConvNextBlock(nn.Module):
    """x + project(gelu(bn(conv x))) with a grouped convolution, after Liu et al. 2022, "A ConvNet for the 2020s".

    Args:
        conv: a grouped convolution that keeps the shape.
        project: a pointwise convolution of as many channels.
    """

    def __init__(self, conv, project):
        super().__init__()
        self.dwconv = conv
        self.norm = BatchNorm(len(conv.weight))
        self.pwconv = project

    def __call__(self, x):
        """x: (B, F, T, C) or (B, T, C) → the same shape."""
        return x + self.pwconv(ops.gelu(self.norm(self.dwconv(x))))


class GroupedBasicBlock(nn.Module):
    """A residual block whose 3×3 convolutions are grouped, each followed by a pointwise one.

    Args:
        channels: of input and output.
        group: channels of a group.
        gate: what scales the output before the shortcut is added, such as a BinGate; None: nothing.
    """

    def __init__(self, channels, group, gate=None):
        super().__init__()
        groups = groups_of(channels, group)
        self.conv1 = Conv2d(channels, channels, groups=groups)
        self.conv1pw = Conv2d(channels, channels, 1, padding=0, bias=True)
        self.bn1 = BatchNorm(channels)
        self.conv2 = Conv2d(channels, channels, groups=groups)
        self.conv2pw = Conv2d(channels, channels, 1, padding=0, bias=True)
        self.bn2 = BatchNorm(channels)
        if gate:
            self.gate = gate

    def __call__(self, x):
        """x: (B, F, T, channels) → the same shape."""
        y = self.bn1(ops.relu(self.conv1pw(self.conv1(x))))
        y = self.bn2(self.conv2pw(self.conv2(y)))
        y = self.gate(y) if "gate" in self else y
        return ops.relu(y + x)


class BinGate(nn.Module):
    """Scales each bin by a gate in (0, 1) that sees the means of all bins (fwSE).

    Thienpondt et al. 2021, "Integrating frequency translational invariance in TDNNs and frequency positional
    information in 2D ResNets to enhance speaker verification".

    Args:
        bins: bins of the map.
        hidden: hidden units.
    """

    def __init__(self, bins, hidden):
        super().__init__()
        self.linear1 = Linear(bins, hidden)
        self.linear2 = Linear(hidden, bins)

    def __call__(self, x):
        """x: (B, F, T, C) → the same shape."""
        gates = ops.sigmoid(self.linear2(ops.relu(self.linear1(ops.mean(x, axis=(2, 3))))))  # (B, F)
        return x * ops.expand_dims(ops.expand_dims(gates, axis=2), axis=3)


class Squeeze(nn.Module):
    """Brings the widened map of a stage back to its number of channels."""

    def __init__(self, in_channels, channels, group):
        super().__init__()
        self.conv = Conv2d(in_channels, channels, groups=groups_of(channels, group, in_channels), bias=True)
        self.bn = BatchNorm(channels, eps=1e-6)
        self.project = Conv2d(channels, channels, 1, padding=0, bias=True)

    def __call__(self, x):
        """x: (B, F, T, in_channels) → (B, F, T, channels)."""
        return self.project(ops.gelu(self.bn(self.conv(x))))


class TimeContext(nn.Module):
    """The one-dimensional block: convolutions of growing length over time, then attention, among fewer channels.

    Args:
        dims: width of input and output.
        hidden: width between them.
    """

    def __init__(self, dims, hidden):
        super().__init__()
        if hidden % HEADS or not hidden:
            raise InputError(f"network.reductions: a time context of {hidden} channels; it needs a multiple of {HEADS}")
        self.reduce = Conv1d(dims, hidden)
        self.reduce_norm = LayerNorm(hidden)
        self.blocks = [
            ConvNextBlock(Conv1d(hidden, hidden, kernel, padding=kernel // 2, groups=hidden), Conv1d(hidden, hidden))
            for kernel in KERNELS
        ]
        self.encoder = EncoderLayer(hidden, hidden, HEADS)
        self.expand = Conv1d(hidden, dims)

    def __call__(self, x):
        """x: (B, T, dims) → the same shape."""
        y = self.reduce_norm(self.reduce(x))
        for block in self.blocks:
            y = block(y)
        return x + self.expand(self.encoder(y))


def make_blocks(options, depth, channels, bins):
    """Makes the two-dimensional blocks of a stage, on maps (B, bins, T, channels)."""
    if options.block == "convnext":
        return [_convnext_block(channels, options.group) for _ in range(depth)]
    hidden = min(64, max(channels, 32))
    gates = [BinGate(bins, hidden) if options.block == "gated" else None for _ in range(depth)]
    return [GroupedBasicBlock(channels, options.group, gate) for gate in gates]


def _convnext_block(channels, group):
    conv = Conv2d(channels, channels, groups=groups_of(channels, group), bias=True)
    return ConvNextBlock(conv, Conv2d(channels, channels, 1, padding=0, bias=True))


def time_context(width, reduction):
    """Makes the time context of a stage: a list of one module, or of none."""
    return [TimeContext(width, width // reduction)] if reduction else []


def run_stages(network, x, endpoints=None):
    """Applies stem, stages and the last aggregation of a ReDimNet: (B, T, F) → (B, T, F * C).

    The first layer of a stage gets all earlier outputs, each other one the output of the layer before it.
    """
    endpoints = {} if endpoints is None else endpoints
    endpoints["stem"] = x = network.stem(x)
    outputs = [x]
    for name in network.names:
        first, *layers = network[name]
        endpoints[name] = x = apply_layers(layers, first(outputs))
        outputs.append(x)
    return network.last(outputs)


def per_stage(**options):
    """Returns a tuple of options for each stage; InputError if their numbers differ."""
    if len({len(values) for values in options.values()}) > 1:
        raise InputError(f"network.{', network.'.join(options)} must have one value per stage each")
    return list(zip(*options.values(), strict=True))


def check_bins(bins, strides):
    """Raises InputError if the strides of all stages do not divide the bins."""
    if bins % math.prod(strides):
        raise InputError(f"network.strides {list(strides)} need a multiple of {math.prod(strides)} bins, not {bins}")


def groups_of(channels, width, inputs=None):
    """Returns the number of groups of about `width` channels of a convolution; InputError if they cannot be divided."""
    groups = channels // width
    if not groups or channels % groups or (inputs or channels) % groups:
        raise InputError(f"network.group {width} does not divide the {channels} channels of a stage")
    return groups
