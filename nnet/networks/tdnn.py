"""Time-delay neural networks: Kaldi's x-vector, E-TDNN, and tf-kaldi-speaker's TDNN."""

from dataclasses import dataclass

from nnet import ops
from nnet.errors import InputError
from nnet.networks.base import Network
from nnet.networks.layers import BatchNorm, Conv1d, Nonlinearity
from nnet.ops import nn
from nnet.options import option


@dataclass(frozen=True)
class TdnnOptions:
    """Kaldi's x-vector (Snyder et al. 2018, "X-vectors: Robust DNN embeddings for speaker recognition", table 1)."""

    dims: tuple[int, ...] = option(
        (512, 512, 512, 512, 1500), "Width of each frame-level layer tdnn1, tdnn2, ...; the last one is pooled.", low=1
    )
    kernels: tuple[int, ...] = option((5, 3, 3, 1, 1), "Number of frames that each layer splices.", low=1)
    dilations: tuple[int, ...] = option((1, 2, 3, 1, 1), "Distance between the spliced frames of each layer.", low=1)
    order: str = option(
        "relu-bn",
        "What follows each affine map: relu-bn (Kaldi, WeSpeaker) or bn-relu (tf-kaldi-speaker).",
        choices=("relu-bn", "bn-relu"),
    )
    relu: str = option(
        "relu",
        "relu, prelu (a learned slope per channel) or lrelu (a fixed slope).",
        choices=("relu", "prelu", "lrelu"),
    )
    slope: float = option(0.01, "Slope below zero: the fixed one of lrelu, the initial one of prelu.", low=0.0)
    bn_affine: bool = option(False, "Whether batch normalization has a learned scale and offset (Kaldi: no).")
    bn_eps: float = option(1e-5, "Added to the variance in batch normalization.", above=0.0)
    bn_momentum: float = option(
        0.1, "Weight of the newest batch in the running statistics (1 - TensorFlow's momentum).", above=0.0, high=1.0
    )


class TDNN(Network):
    """A stack of spliced affine layers without padding, each with ReLU and batch normalization.

    The default is the frame-level part of Kaldi's x-vector (egs/voxceleb/v2: contexts
    {-2..2}, {-2,0,2}, {-3,0,3}, {0}, {0}; 15 frames in all); deeper stacks give the E-TDNN. Each layer shortens
    the sequence by (kernel - 1) * dilation frames.

    Args:
        input_dim: feature dimension F.
        options: TdnnOptions.

    Endpoints: tdnnN.affine, tdnnN.relu and tdnnN.bn of every layer N = 1, 2, ...
    """

    def __init__(self, input_dim: int, options: TdnnOptions = TdnnOptions()):
        super().__init__()
        dims, kernels, dilations = options.dims, options.kernels, options.dilations
        if not len(dims) == len(kernels) == len(dilations):
            raise InputError(
                f"network.dims has {len(dims)} values, network.kernels {len(kernels)} and network.dilations "
                f"{len(dilations)}; give one per layer each"
            )
        if not dims:
            raise InputError("network.dims is empty; give at least one layer")
        self.names = tuple(f"tdnn{i + 1}" for i in range(len(dims)))
        in_dims = (input_dim, *dims[:-1])
        for name, in_dim, dim, kernel, dilation in zip(self.names, in_dims, dims, kernels, dilations, strict=True):
            affine = Conv1d(in_dim, dim, kernel, dilation=dilation)
            bn = BatchNorm(dim, eps=options.bn_eps, momentum=options.bn_momentum, affine=options.bn_affine)
            self[name] = TdnnLayer(affine, bn, options.order, options.relu, options.slope)
        self.out_dim = dims[-1]
        self.endpoint_dims = {
            f"{name}.{part}": dim
            for name, dim in zip(self.names, dims, strict=True)
            for part in ("affine", "relu", "bn")
        }
        self.min_frames = 1 + sum((k - 1) * d for k, d in zip(kernels, dilations, strict=True))

    def __call__(self, x, endpoints=None):
        """x: (B, T, F) → (B, T - min_frames + 1, out_dim)."""
        for name in self.names:
            x = self[name](x, endpoints, name)
        return x


@dataclass(frozen=True)
class EtdnnOptions(TdnnOptions):
    """E-TDNN (Snyder et al. 2019, "Speaker recognition for multi-speaker conversations using x-vectors", table 1)."""

    dims: tuple[int, ...] = option(
        (512,) * 9 + (1500,), "Width of each frame-level layer tdnn1, tdnn2, ...; the last one is pooled.", low=1
    )
    kernels: tuple[int, ...] = option(
        (5, 1, 3, 1, 3, 1, 3, 1, 1, 1), "Number of frames that each layer splices.", low=1
    )
    dilations: tuple[int, ...] = option(
        (1, 1, 2, 1, 3, 1, 4, 1, 1, 1), "Distance between the spliced frames of each layer.", low=1
    )


class ETDNN(TDNN):
    """E-TDNN: a TDNN with affine layers of one frame between the spliced ones."""

    def __init__(self, input_dim: int, options: EtdnnOptions = EtdnnOptions()):
        super().__init__(input_dim, options)


class TdnnLayer(nn.Module):
    """An affine map, its nonlinearity and its batch normalization, in either order.

    Args:
        affine: a Conv1d without padding, or a Linear.
        bn: a BatchNorm of the output's width; None if `order` has no bn.
        order: relu-bn, bn-relu, one of the two alone, or empty.
        relu, slope: the nonlinearity, as in TdnnOptions.
    """

    def __init__(self, affine, bn, order, relu, slope):
        super().__init__()
        self.affine = affine
        self.bn = bn
        self.order = order
        self.kind = relu
        self.slope = slope
        if relu == "prelu" and "relu" in order:
            self.prelu = Nonlinearity(relu, affine.weight.shape[0], slope)

    def __call__(self, x, endpoints=None, name=""):
        """x: (B, T, I) → (B, T - (kernel - 1) * dilation, O); fills NAME.affine, NAME.relu, NAME.bn."""
        outputs = {"affine": self.affine(x)}
        x = outputs["affine"]
        for part in filter(None, self.order.split("-")):
            outputs[part] = x = self.bn(x) if part == "bn" else self._nonlinear(x)
        if endpoints is not None:
            endpoints |= {f"{name}.{part}": output for part, output in outputs.items()}
        return x

    def _nonlinear(self, x):
        if "prelu" in self:
            return self.prelu(x)
        return ops.relu(x) if self.kind == "relu" else ops.leaky_relu(x, slope=self.slope)
