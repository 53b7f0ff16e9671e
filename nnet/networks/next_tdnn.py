"""NeXt-TDNN (Heo et al. 2024, "NeXt-TDNN: modernizing multi-scale temporal convolution...", arXiv:2312.08603)."""

from dataclasses import dataclass

from nnet import ops
from nnet.errors import InputError
from nnet.networks.base import Network
from nnet.networks.layers import Conv1d, LayerNorm, Linear
from nnet.ops import mx, nn
from nnet.options import option

STAGES, STEM_FRAMES = 3, 4
GATE_EPS = 1e-6


@dataclass(frozen=True)
class NextTdnnOptions:
    """NeXt-TDNN (Heo et al. 2024)."""

    channels: int = option(256, "Width of the blocks (128 to 384 in the paper).", low=1)
    blocks: int = option(3, "Blocks of each of the three stages (1 or 3 in the paper).", low=1)
    kernels: tuple[int, ...] = option(
        (7, 65), "Frames, odd numbers, of a block's depthwise convolutions, each over its share of the channels.", low=1
    )
    light: bool = option(False, "NeXt-TDNN-l: blocks of one depthwise convolution without projections (kernels [65]).")


class NextTdnn(Network):
    """The frame-level part of NeXt-TDNN, as its authors' code builds it.

    A convolution over 4 frames without padding, three stages of blocks, and an affine layer over the concatenation of
    their outputs; layer normalization follows the first and the last. The pooling that belongs to it is channel
    attention with `bn`, followed by batch normalization, an affine layer and batch normalization.

    Args:
        input_dim: feature dimension F.
        options: NextTdnnOptions.

    Endpoints: stem, stage1 ... stage3.

    Raises:
        InputError: kernels that are even or do not divide the channels; several kernels in a light network.
    """

    def __init__(self, input_dim: int, options: NextTdnnOptions = NextTdnnOptions()):
        super().__init__()
        channels, kernels = options.channels, options.kernels
        _check_kernels(options)
        self.stem = Conv1d(input_dim, channels, STEM_FRAMES)
        self.stem_norm = LayerNorm(channels)
        self.stages = [
            [
                LightBlock(channels, *kernels) if options.light else Block(channels, kernels)
                for _ in range(options.blocks)
            ]
            for _ in range(STAGES)
        ]
        self.apply_to_modules(_initialize)
        self.mfa = Conv1d(STAGES * channels, STAGES * channels)
        self.mfa_norm = LayerNorm(STAGES * channels)
        self.endpoint_dims = dict.fromkeys(["stem", *(f"stage{i + 1}" for i in range(STAGES))], channels)
        self.out_dim = STAGES * channels
        self.min_frames = STEM_FRAMES

    def __call__(self, x, endpoints=None):
        """x: (B, T, F) → (B, T - 3, out_dim)."""
        endpoints = {} if endpoints is None else endpoints
        endpoints["stem"] = x = self.stem_norm(self.stem(x))
        outputs = []
        for i, stage in enumerate(self.stages, 1):
            for block in stage:
                x = block(x)
            outputs.append(x)
            endpoints[f"stage{i}"] = x
        return self.mfa_norm(self.mfa(ops.concat(*outputs)))


class Block(nn.Module):
    """The block TS-ConvNeXt: depthwise convolutions of several lengths, then the feed-forward part.

    Args:
        channels: channels of input and output.
        kernels: frames of each convolution, over equal shares of the projected channels.
    """

    def __init__(self, channels, kernels):
        super().__init__()
        width = channels // len(kernels)
        self.project = Conv1d(channels, channels)
        self.convs = [Conv1d(width, width, kernel, padding=kernel // 2, groups=width) for kernel in kernels]
        self.linear = Linear(channels, channels)
        self.feed_forward = FeedForward(channels)

    def __call__(self, x):
        """x: (B, T, channels) → the same shape."""
        shares = ops.split(self.project(x), parts=len(self.convs))
        y = ops.concat(*[conv(share) for conv, share in zip(self.convs, shares, strict=True)])
        return self.feed_forward(x + self.linear(ops.gelu(y)))


class LightBlock(nn.Module):
    """The block TS-ConvNeXt-l: one depthwise convolution over `kernel` frames, then the feed-forward part."""

    def __init__(self, channels, kernel):
        super().__init__()
        self.conv = Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.feed_forward = FeedForward(channels)

    def __call__(self, x):
        """x: (B, T, channels) → the same shape."""
        return self.feed_forward(x + self.conv(x))


class FeedForward(nn.Module):
    """x + W' grn(gelu(W norm(x))), with four times as many channels inside, as in ConvNeXt V2."""

    def __init__(self, channels):
        super().__init__()
        self.norm = LayerNorm(channels)
        self.linear1 = Linear(channels, 4 * channels)
        self.grn = ResponseNorm(4 * channels)
        self.linear2 = Linear(4 * channels, channels)

    def __call__(self, x):
        """x: (B, T, channels) → the same shape."""
        return x + self.linear2(self.grn(ops.gelu(self.linear1(self.norm(x)))))


class ResponseNorm(nn.Module):
    """Global response normalization (Woo et al. 2023, "ConvNeXt V2", arXiv:2301.00808, eq. 1-3, algorithm 1).

    x + weight · x n + bias, where n is the norm of the channel over time, divided by the mean of these norms.
    """

    def __init__(self, channels):
        super().__init__()
        self.weight = mx.zeros((channels,))
        self.bias = mx.zeros((channels,))

    def __call__(self, x):
        """x: (B, T, channels) → the same shape."""
        squares = ops.maximum(ops.sum(x * x, axis=1, keepdims=True), 1e-12)  # a root of 0 would have no gradient
        norms = ops.sqrt(squares)
        relative = norms / (ops.mean(norms, axis=-1, keepdims=True) + GATE_EPS)
        return x * (relative * self.weight + 1.0) + self.bias


def _check_kernels(options):
    kernels, channels = options.kernels, options.channels
    if not kernels:
        raise InputError("network.kernels is empty; give at least one odd number of frames")
    even = [kernel for kernel in kernels if kernel % 2 == 0]
    if even:
        raise InputError(f"network.kernels {list(kernels)}: {even[0]} is even; only odd kernels have a middle frame")
    if options.light and len(kernels) != 1:
        raise InputError(f"network.kernels {list(kernels)}: network.light takes one kernel, such as [65]")
    if channels % len(kernels):
        raise InputError(
            f"network.channels {channels} must be a multiple of the number of network.kernels, {len(kernels)}"
        )


def _initialize(name, module):
    # As in ConvNeXt and the authors' code; the last layer, which is made afterwards, keeps the default.
    if isinstance(module, (Conv1d, Linear)):
        module.weight = mx.random.normal(module.weight.shape, scale=0.02)
        module.bias = mx.zeros_like(module.bias)
