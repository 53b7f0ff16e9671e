"""ERes2NetV2 (Chen et al. 2024, "ERes2NetV2: boosting short-duration speaker verification performance...")."""

from dataclasses import dataclass

from nnet import ops
from nnet.networks.eres2net import AttentionalFusion, ERes2Net, halving
from nnet.networks.res2net import Res2Net, Res2NetOptions
from nnet.options import option


@dataclass(frozen=True)
class ERes2NetV2Options(Res2NetOptions):
    """ERes2NetV2 (Chen et al. 2024); w24s4ep4 has base width 24, scale 4 and expansion 4."""

    channels: int = option(64, "Channels of the first stage; the others have 2, 4 and 8 times as many.", low=1)
    base_width: int = option(26, "Channels of a group of a block, for each 64 channels of its stage.", low=1)


class ERes2NetV2(Res2Net):
    """ERes2NetV2: ERes2Net with wider stages, of which only the last two are fused globally.

    The blocks of stages 3 and 4 have local feature fusion, as in ERes2Net. The map of stage 3, halved by a strided
    convolution, is fused with that of stage 4 (bottom-up dual-stage feature fusion).

    Args:
        input_dim: feature dimension F; any number.
        options: ERes2NetV2Options.

    Endpoints: layer1 ... layer4, the map of each stage before global fusion, flattened to frames.
    """

    block_of_stage = ERes2Net.block_of_stage

    def __init__(self, input_dim: int, options: ERes2NetV2Options = ERes2NetV2Options()):
        super().__init__(input_dim, options)
        width = options.channels * 4 * options.expansion
        self.downsample = halving(width)
        self.fusion = AttentionalFusion(2 * width)

    def __call__(self, x, endpoints=None):
        """x: (B, T, F) → (B, T', out_dim) with T' = T/8 rounded up."""
        *_, third, fourth = self.stages(x, endpoints)
        return ops.flatten_map(self.fusion(fourth, self.downsample(third)))
