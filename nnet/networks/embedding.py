"""The layers between the pooling and the loss."""

from dataclasses import dataclass

from nnet.networks.layers import BatchNorm, Linear
from nnet.networks.tdnn import TdnnLayer
from nnet.ops import nn
from nnet.options import option


@dataclass(frozen=True)
class EmbeddingOptions:
    """The layers between the pooling and the loss."""

    dims: tuple[int, ...] = option((512, 512), "Width of each layer.", low=1)
    order: str = option(
        "relu-bn",
        "What follows each affine layer: relu-bn (Kaldi), bn-relu (tf-kaldi-speaker), or none.",
        choices=("relu-bn", "bn-relu", "none"),
    )
    last: str = option(
        "full",
        "What follows the last affine layer: full (as in `order`), bn or relu (only that), affine (nothing).",
        choices=("full", "bn", "relu", "affine"),
    )
    relu: str = option("relu", "Nonlinearity.", choices=("relu", "prelu", "lrelu"))
    slope: float = option(0.01, "Slope below zero: the fixed one of lrelu, the initial one of prelu.", low=0)
    input_bn: bool = option(False, "Batch normalization of the pooled vector (ECAPA-TDNN).")
    bias: bool = option(True, "Biases in the affine layers.")
    bn_affine: bool = option(True, "Scale and offset in the batch normalization of these layers.")
    bn_momentum: float = option(0.1, "Weight of a batch in the running mean and variance.", low=0, high=1)
    bn_eps: float = option(1e-5, "Added to the variance before its square root is taken.", above=0)
    node: str | None = option(
        None,
        "Endpoint that is extracted as the embedding: embedding1.affine, pooling, output…; null: embedding1.affine if "
        "there are at least two layers, otherwise output.",
    )


class Embedding(nn.Module):
    """The affine layers between the pooled vector and the loss.

    Args:
        in_dim: width of the pooled vector.
        options: EmbeddingOptions.

    Endpoints: embeddingN.affine, embeddingN.relu, embeddingN.bn for N = 1, 2, ..., for the parts that layer N has.
    """

    def __init__(self, in_dim: int, options: EmbeddingOptions = EmbeddingOptions()):
        super().__init__()
        dims, norm = options.dims, {"eps": options.bn_eps, "momentum": options.bn_momentum}
        if options.input_bn:
            self.input_bn = BatchNorm(in_dim, **norm)
        orders = ["" if options.order == "none" else options.order] * len(dims)
        orders[-1] = {"full": orders[-1], "bn": "bn", "relu": "relu", "affine": ""}[options.last]
        self.layers = []
        for i, o, steps in zip((in_dim, *dims), dims, orders, strict=False):
            bn = BatchNorm(o, affine=options.bn_affine, **norm) if "bn" in steps else None
            affine = Linear(i, o, bias=options.bias)
            self.layers.append(TdnnLayer(affine, bn, steps, options.relu, options.slope))
        self.out_dim = dims[-1]
        self.endpoint_dims = {
            f"embedding{n}.{part}": dim
            for n, (dim, steps) in enumerate(zip(dims, orders, strict=True), 1)
            for part in ("affine", *filter(None, steps.split("-")))
        }

    def __call__(self, x, endpoints):
        """x: (B, in_dim) → (B, dims[-1]); fills `endpoints`."""
        if "input_bn" in self:
            x = self.input_bn(x)
        for n, layer in enumerate(self.layers, 1):
            x = layer(x, endpoints, f"embedding{n}")
        return x
