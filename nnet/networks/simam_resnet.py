"""SimAM-ResNet (Qin et al. 2022, "Simple attention module based speaker verification with iterative noisy...")."""

from dataclasses import dataclass

from nnet import ops
from nnet.networks.resnet import BasicBlock, ResidualNetwork
from nnet.options import option

REGULARIZATION = 1e-4  # λ of SimAM (Yang et al. 2021, eq. 5)


@dataclass(frozen=True)
class SimAmResNetOptions:
    """A ResNet with parameter-free attention (SimAM) in every block (Qin et al. 2022), as trained on VoxBlink2."""

    depth: int = option(34, "Number of layers.", choices=(18, 34, 100))
    channels: int = option(64, "Channels of the first stage; the others have 2, 4 and 8 times as many.", low=1)


class SimAmResNet(ResidualNetwork):
    """ResNet of basic blocks with SimAM; WeSpeaker, and VoxBlink2's models, have the depths 34 and 100.

    There it is pooled by attentive statistics with a weight per frame and channel.

    Args:
        input_dim: feature dimension F; any number.
        options: SimAmResNetOptions.
    """

    def __init__(self, input_dim: int, options: SimAmResNetOptions = SimAmResNetOptions()):
        super().__init__(input_dim, options.channels, SimAmBlock, SIMAM_RESNETS[options.depth])


class SimAmBlock(BasicBlock):
    """A basic block whose residual branch is scaled by SimAM."""

    def gate(self, y):
        return ops.simam(y, regularization=REGULARIZATION)


# Blocks of each stage by depth.
SIMAM_RESNETS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 100: (6, 16, 24, 3)}
