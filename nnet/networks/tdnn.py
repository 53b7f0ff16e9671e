"""Time-delay networks on spliced frames: Kaldi's x-vector, E-TDNN, and tf-kaldi-speaker's TDNN."""

from nnet import ops
from nnet.errors import InputError
from nnet.networks.layers import BatchNorm, Conv1d, Nonlinearity
from nnet.ops import nn


class TDNN(nn.Module):
    """A stack of spliced affine maps without padding, each with ReLU and batch normalisation.

    With the default options this is the frame-level part of Kaldi's x-vector (egs/voxceleb/v2: contexts
    {-2..2}, {-2,0,2}, {-3,0,3}, {0}, {0}; 15 frames in all); deeper stacks give the E-TDNN. Each layer shortens
    the sequence by (kernel - 1) * dilation frames.

    Args:
        input_dim: features a frame, F.
        others: see `nnet.config.networks.TdnnOptions`.

    Endpoints: tdnnN.affine, tdnnN.relu and tdnnN.bn of every layer N = 1, 2, ...
    """

    def __init__(self, input_dim, dims, kernels, dilations, order, relu, slope, bn_affine, bn_eps, bn_momentum):
        super().__init__()
        if not len(dims) == len(kernels) == len(dilations):
            raise InputError("network.dims, network.kernels and network.dilations must have one value a layer each")
        self.names = tuple(f"tdnn{i + 1}" for i in range(len(dims)))
        in_dims = (input_dim, *dims[:-1])
        for name, in_dim, dim, kernel, dilation in zip(self.names, in_dims, dims, kernels, dilations, strict=True):
            bn = BatchNorm(dim, eps=bn_eps, momentum=bn_momentum, affine=bn_affine)
            self[name] = TdnnLayer(Conv1d(in_dim, dim, kernel, dilation=dilation), bn, order, relu, slope)
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


class TdnnLayer(nn.Module):
    """An affine map, its non-linearity and its batch normalisation, in either order.

    Args:
        affine: a Conv1d without padding, or a Linear.
        bn: a BatchNorm of the width of its output; None where `order` has none.
        order: relu-bn, bn-relu, one of the two alone, or empty.
        relu, slope: see `nnet.config.networks.TdnnOptions`.
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
