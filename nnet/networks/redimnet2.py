"""ReDimNet2 (2026, "ReDimNet2: scaling speaker verification via time-pooled dimension reshaping", arXiv:2603.11841)."""

import math
from dataclasses import dataclass

from nnet import ops
from nnet.networks.base import Network
from nnet.networks.layers import BatchNorm, Conv1d, Conv2d
from nnet.networks.redimnet import (
    Aggregation,
    Stem,
    ToFrames,
    ToMap,
    check_bins,
    make_blocks,
    per_stage,
    run_stages,
    time_context,
)
from nnet.ops import nn
from nnet.options import option


@dataclass(frozen=True)
class ReDimNet2Options:
    """ReDimNet2 (2026); the default is B2, nnet_conf/redimnet2_*.json are other sizes."""

    channels: int = option(
        20,
        "Channels of the first map, which has all bins; one with an Nth of the bins has N times as many.",
        low=1,
    )
    block: str = option(
        "basic",
        "The two-dimensional blocks: convnext, basic (residual), or gated (basic with a gate for each bin).",
        choices=("convnext", "basic", "gated"),
    )
    group: int = option(1, "Channels of a group of the 3×3 convolutions; 1: depthwise.", low=1)
    strides: tuple[int, ...] = option(
        (1, 2, 1, 3, 1, 2), "Stride of each stage over the bins; their product must divide the bins.", low=1
    )
    time_strides: tuple[int, ...] = option(
        (1, 1, 2, 1, 2, 1), "Stride of each stage over time, on top of those of earlier stages.", low=1
    )
    blocks: tuple[int, ...] = option((2, 3, 4, 5, 4, 3), "Two-dimensional blocks of each stage.", low=1)
    expansions: tuple[float, ...] = option(
        (2.0, 1.0, 1.0, 1.0, 1.0, 1.0),
        "Width of the blocks of each stage, as a multiple of the channels of its map.",
        above=0,
    )
    reductions: tuple[int, ...] = option(
        (40, 30, 30, 20, 20, 10), "Reduction of the width in the time context of each stage; 0: no time context.", low=0
    )
    out_channels: int = option(64, "Width of a last layer; 0: no such layer.", low=0)
    out_map: bool = option(False, "The last layer is one of the map of the last stage, for each bin.")


class ReDimNet2(Network):
    """The frame-level part of ReDimNet2, as its authors and WeSpeaker build it.

    A ReDimNet whose later stages see fewer frames: a stage pools over time as well as over the bins, by a convolution
    of few groups, and each of its output frames is repeated, so that all outputs have one shape. An utterance loses the
    last frames that do not fill a whole stride.

    Args:
        input_dim: feature dimension F.
        options: ReDimNet2Options.

    Endpoints: stem, stage1, stage2, ...

    Raises:
        InputError: the options of the stages differ in number, or do not divide what they should.
    """

    def __init__(self, input_dim: int, options: ReDimNet2Options = ReDimNet2Options()):
        super().__init__()
        check_bins(input_dim, options.strides)
        setups = per_stage(
            strides=options.strides,
            time_strides=options.time_strides,
            blocks=options.blocks,
            expansions=options.expansions,
            reductions=options.reductions,
        )
        width, bins, channels, shrinking = input_dim * options.channels, input_dim, options.channels, 1
        self.stem = Stem(channels)
        self.names = tuple(f"stage{i}" for i, _ in enumerate(setups, 1))
        for number, (name, setup) in enumerate(zip(self.names, setups, strict=True), 1):
            stride, time_stride, depth, expansion, reduction = setup
            shrinking *= time_stride
            inner = int(round(stride * channels * expansion, 6))
            pool = (stride, shrinking)
            groups = math.gcd(channels, inner)
            layers = [Aggregation(number, width), ToMap(bins)]
            layers.append(Conv2d(channels, inner, pool, pool, padding=0, groups=groups, bias=True))
            bins, channels = bins // stride, stride * channels
            layers += make_blocks(options, depth, inner, bins)
            if expansion != 1:
                layers.append(Projection(inner, channels))
            self[name] = [*layers, ToFrames(), *time_context(width, reduction), Repetition(shrinking)]
        self.last = Aggregation(len(setups) + 1, width)
        self.out_dim = width
        if options.out_channels:
            self.head, self.out_dim = Conv1d(width, options.out_channels), options.out_channels
            if options.out_map:
                self.head, self.out_dim = MapHead(bins, channels, options.out_channels), options.out_channels * bins
        self.endpoint_dims = dict.fromkeys(("stem", *self.names), width)
        self.min_frames = self.time_stride = shrinking

    def __call__(self, x, endpoints=None):
        """x: (B, T, F) → (B, T', out_dim), T' being T down to a multiple of the strides over time."""
        x = run_stages(self, ops.crop_to_multiple(x, of=self.time_stride), endpoints)
        return self.head(x) if "head" in self else x


class Projection(nn.Module):
    """Brings the widened map of a stage back to its number of channels: (B, F, T, I) → (B, F, T, channels)."""

    def __init__(self, in_channels, channels):
        super().__init__()
        self.conv = Conv2d(in_channels, channels, 1, padding=0, bias=True)
        self.bn = BatchNorm(channels, eps=1e-6)

    def __call__(self, x):
        return self.bn(self.conv(x))


class Repetition(nn.Module):
    """Repeats each frame: (B, T, D) → (B, T * times, D)."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    def __call__(self, x):
        return x if self.times == 1 else ops.repeat_frames(x, times=self.times)


class MapHead(nn.Module):
    """A pointwise convolution of the frames' map: (B, T, bins * channels) → (B, T, out_channels * bins)."""

    def __init__(self, bins, channels, out_channels):
        super().__init__()
        self.bins = bins
        self.conv = Conv2d(channels, out_channels, 1, padding=0, bias=True)

    def __call__(self, x):
        return ops.flatten_map(self.conv(ops.as_map(x, bins=self.bins)))
