"""RepVGG (Ding et al. 2021, "RepVGG: making VGG-style ConvNets great again", arXiv:2101.03697) over features."""

from dataclasses import dataclass

from nnet import ops
from nnet.errors import InputError
from nnet.networks.base import Network
from nnet.networks.layers import BatchNorm, Conv2d
from nnet.networks.resnet import GatedBlock, SqueezeExcitation, strided_size
from nnet.ops import mx
from nnet.ops.gradients import in_inference
from nnet.options import option

GROUPED = range(2, 27, 2)  # the layers with groups in the variants that have them (section 3.4); the first one is 0


@dataclass(frozen=True)
class Variant:
    """What a variant's name stands for.

    Attributes:
        depths: blocks of the four stages after the first block.
        factors: of the stages' widths, which are base_width · (1, 2, 4, 8) without them.
        groups: groups of the convolutions of the `GROUPED` layers.
        dilated: dilated branches in place of the 1×1 ones.
        gate: squeeze-excitation after each block.
    """

    depths: tuple[int, ...]
    factors: tuple[float, ...]
    groups: int = 1
    dilated: bool = False
    gate: bool = False

    def widths(self, base_width):
        """Returns the channels of the first block and of the four stages."""
        widths = [int(base_width * factor * 2**i) for i, factor in enumerate(self.factors)]
        return [min(64, widths[0]), *widths]


A, B, TINY = (2, 4, 14, 1), (4, 6, 16, 1), (3, 4, 23, 3)
VARIANTS = {
    "TINY_A0": Variant(TINY, (0.5, 0.5, 0.5, 0.5)),
    "TINY_RSBB_A0": Variant(TINY, (0.5, 0.5, 0.5, 0.5), dilated=True),
    "A0": Variant(A, (0.75, 0.75, 0.75, 2.5)),
    "RSBB_A0": Variant(A, (0.75, 0.75, 0.75, 2.5), dilated=True),
    "A1": Variant(A, (1, 1, 1, 2.5)),
    "A2": Variant(A, (1.5, 1.5, 1.5, 2.75)),
    "RSBB_A2": Variant(A, (1.5, 1.5, 1.5, 2.75), dilated=True),
    "B0": Variant(B, (1, 1, 1, 2.5)),
    "RSBB_B0": Variant(B, (1, 1, 1, 2.5), dilated=True),
    "B1": Variant(B, (2, 2, 2, 4)),
    "B1g2": Variant(B, (2, 2, 2, 4), groups=2),
    "B1g4": Variant(B, (2, 2, 2, 4), groups=4),
    "B2": Variant(B, (2.5, 2.5, 2.5, 5)),
    "B2g2": Variant(B, (2.5, 2.5, 2.5, 5), groups=2),
    "B2g4": Variant(B, (2.5, 2.5, 2.5, 5), groups=4),
    "B3": Variant(B, (3, 3, 3, 5)),
    "B3g2": Variant(B, (3, 3, 3, 5), groups=2),
    "B3g4": Variant(B, (3, 3, 3, 5), groups=4),
    "D2SE": Variant((8, 14, 24, 1), (2.5, 2.5, 2.5, 5), groups=4, gate=True),
}


@dataclass(frozen=True)
class RepVggOptions:
    """RepVGG (Ding et al. 2021) in WeSpeaker's variants; RSBB: with dilated branches (Ma et al. 2021)."""

    variant: str = option("TINY_A0", "WeSpeaker's name without REPVGG_.", choices=tuple(VARIANTS))
    base_width: int = option(
        64, "Channels that the factors of the variant multiply; 64 in the paper and in WeSpeaker.", low=2
    )
    fused: bool = option(
        False,
        "Each block as the one convolution that its branches are after training: the form that WeSpeaker's "
        "convert_repvgg.py writes. Training needs the branches.",
    )


class RepVgg(Network):
    """RepVGG as in WeSpeaker: a block, and four stages of blocks with 1, 2, 4 and 8 times base_width · factor channels.

    Stages 2 to 4 begin with stride 2 in frequency and time. Features (B, T, F) become a map (B, F/8, T/8, C), both
    sizes rounded up, which is flattened to frames. The branches of a block are trained and saved; in inference they
    are one convolution (see `RepBlock`).

    Args:
        input_dim: feature dimension F; any number.
        options: RepVggOptions.

    Endpoints: stage1 ... stage4, the map of each stage, flattened to frames.

    Raises:
        InputError: base_width gives widths that the groups of the variant do not divide.
    """

    def __init__(self, input_dim: int, options: RepVggOptions = RepVggOptions()):
        super().__init__()
        variant = VARIANTS[options.variant]
        first, *widths = variant.widths(options.base_width)
        odd = [width for width in widths if width % variant.groups]
        if odd:
            raise InputError(
                f"network.base_width {options.base_width} gives {odd[0]} channels, which cannot be split into the "
                f"{variant.groups} groups of variant {options.variant}; take a multiple of {2 * variant.groups}"
            )
        form = {"dilated": variant.dilated, "gate": variant.gate, "fused": options.fused}
        self.stage0 = RepBlock(1, first, **form)
        channels, layer = first, 1
        for i, (width, depth) in enumerate(zip(widths, variant.depths, strict=True), 1):
            blocks = []
            for j in range(depth):
                groups = variant.groups if layer in GROUPED else 1
                blocks.append(RepBlock(channels, width, 2 if i > 1 and j == 0 else 1, groups, **form))
                channels, layer = width, layer + 1
            self[f"stage{i}"] = blocks
        self.endpoint_dims = {f"stage{i + 1}": w * strided_size(input_dim, 2**i) for i, w in enumerate(widths)}
        self.out_dim = self.endpoint_dims["stage4"]
        self.min_frames = 1

    def __call__(self, x, endpoints=None):
        """x: (B, T, F) → (B, T', out_dim) with T' = T/8 rounded up."""
        x = self.stage0(ops.as_map(x))
        for name in ("stage1", "stage2", "stage3", "stage4"):
            for block in self[name]:
                x = block(x)
            if endpoints is not None:
                endpoints[name] = ops.flatten_map(x)
        return ops.flatten_map(x)


class RepBlock(GatedBlock):
    """ReLU of the sum of parallel branches, each with batch normalization (section 3.2, figure 2).

    The branches are a 3×3 convolution; a 1×1 convolution or, with `dilated`, a 3×3 one over every second bin and frame
    (Ma et al. 2021, "Rep works in speaker verification", arXiv:2110.09720); and the input itself, where
    stride and channels allow. In inference, statistics are constants, so that the sum is one convolution: 3×3, or 5×5
    with `dilated` (section 3.3, figure 4). In bfloat16 the branches stay apart, as the sum of their weights would lose
    the small ones.

    Args:
        in_channels: channels of the input.
        channels: channels of the output.
        stride: stride in frequency and time.
        groups: groups of the convolutions.
        dilated: dilated instead of 1×1 convolution.
        gate: squeeze-excitation after the ReLU, with channels / 4 hidden units.
        fused: has the weights of the one convolution instead of the branches.
    """

    def __init__(self, in_channels, channels, stride=1, groups=1, *, dilated=False, gate=False, fused=False):
        super().__init__()
        self.kernel_size = 5 if dilated else 3
        self.stride, self.groups = stride, groups
        if fused:
            size = self.kernel_size
            self.fused = Conv2d(in_channels, channels, size, stride, size // 2, bias=True, groups=groups)
        else:
            self.dense = Conv2d(in_channels, channels, 3, stride, 1, groups=groups)
            self.dense_bn = BatchNorm(channels)
            if dilated:
                self.dilated = Conv2d(in_channels, channels, 3, stride, 2, dilation=2, groups=groups)
                self.dilated_bn = BatchNorm(channels)
            else:
                self.point = Conv2d(in_channels, channels, 1, stride, 0, groups=groups)
                self.point_bn = BatchNorm(channels)
            if stride == 1 and in_channels == channels:
                self.identity_bn = BatchNorm(channels)
        if gate:
            self.se = SqueezeExcitation(channels, channels // 4)

    def __call__(self, x):
        """x: (B, F, T, in_channels) → (B, F', T', channels)."""
        return self.gate(ops.relu(self._sum(x)))

    def _sum(self, x):
        if "fused" in self:
            return self.fused(x)
        if in_inference() and not self.training and self.dense.weight.dtype == mx.float32:
            padding = (self.kernel_size // 2,) * 2
            shape = {"stride": (self.stride,) * 2, "padding": padding, "dilation": (1, 1), "groups": self.groups}
            return ops.conv(x, *self.merged(), **shape)
        y = self.dense_bn(self.dense(x))
        y = y + (self.dilated_bn(self.dilated(x)) if "dilated" in self else self.point_bn(self.point(x)))
        return y + self.identity_bn(x) if "identity_bn" in self else y

    def merged(self):
        """Returns weight (O, K, K, C / groups) and bias (O,) of the convolution that the sum of the branches is."""
        branches = [(self.dense.weight, 1, self.dense_bn)]
        if "dilated" in self:
            branches.append((self.dilated.weight, 2, self.dilated_bn))
        else:
            branches.append((self.point.weight, 1, self.point_bn))
        if "identity_bn" in self:
            branches.append((identity_filter(len(self.dense.weight), self.groups), 1, self.identity_bn))
        weight = bias = 0.0
        for branch, dilation, bn in branches:
            scale, shift = bn.scale_and_shift(bn.running_mean, bn.running_var)
            weight = weight + spread_taps(branch * scale[:, None, None, None], dilation, self.kernel_size)
            bias = bias + shift
        return weight, bias


def spread_taps(weight, dilation, size):
    """Puts the taps of weight (O, k, k, C), `dilation` apart, around the center of zeros (O, size, size, C)."""
    start = size // 2 - dilation * (weight.shape[1] // 2)
    taps = slice(start, size - start, dilation)
    wide = mx.zeros((len(weight), size, size, weight.shape[3]))
    wide[:, taps, taps] = weight
    return wide


def identity_filter(channels, groups):
    """Makes the weight (O, 1, 1, C / groups) of a convolution that returns its input."""
    width = channels // groups
    return mx.tile(mx.eye(width), (groups, 1)).reshape(channels, 1, 1, width)
