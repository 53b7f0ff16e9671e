"""Factorized TDNN (Povey et al. 2018, "Semi-orthogonal low-rank matrix factorization for deep neural networks")."""

from dataclasses import dataclass

from nnet import ops
from nnet.networks.base import Network
from nnet.networks.layers import BatchNorm, Conv1d
from nnet.networks.tdnn import TdnnLayer
from nnet.ops import mx, nn
from nnet.options import option

# Layers 2 to 9 of Villalba et al. 2020, "State-of-the-art speaker recognition with neural network embeddings in NIST
# SRE18 and Speakers in the Wild evaluations": the distance d of the factors' contexts {-d, 0} and {0, d}, and the
# earlier layers whose outputs are appended to the input.
LAYERS = {2: (2, ()), 3: (0, ()), 4: (3, ()), 5: (0, (3,)), 6: (3, ()), 7: (3, (2, 4)), 8: (3, ()), 9: (0, (4, 6))}


@dataclass(frozen=True)
class FtdnnOptions:
    """F-TDNN (Povey et al. 2018, "Semi-orthogonal low-rank matrix factorization..."; sizes of Villalba et al. 2020)."""

    width: int = option(1024, "Width of the factorized layers.", low=1)
    bottleneck: int = option(256, "Width between the two factors of a layer.", low=1)
    first_dim: int = option(512, "Width of the first layer, which is not factorized.", low=1)
    out_dim: int = option(2048, "Width of the last layer, which is pooled.", low=1)
    dropout: float = option(
        0.0,
        "Kaldi's continuous dropout: each channel of an utterance is scaled by a random factor in 1 ± 2 dropout.",
        low=0,
        high=0.5,
    )


class FTDNN(Network):
    """The frame-level part of the F-TDNN x-vector, without padding: 33 frames of context.

    A spliced layer over 5 frames, eight factorized layers with skip connections, and a wide layer. The trainer calls
    `constrain` every few updates.

    Args:
        input_dim: feature dimension F.
        options: FtdnnOptions.

    Endpoints: tdnn1 ... tdnn10, each after its batch normalization.
    """

    def __init__(self, input_dim: int, options: FtdnnOptions = FtdnnOptions()):
        super().__init__()
        width = options.width
        self.tdnn1 = spliced_layer(input_dim, options.first_dim, 5)
        dims = {1: options.first_dim}
        for i, (distance, skips) in LAYERS.items():
            in_dim = sum(dims[j] for j in (i - 1, *skips))
            self[f"tdnn{i}"] = FactorizedLayer(in_dim, options.bottleneck, width, distance, options.dropout)
            dims[i] = width
        self.tdnn10 = spliced_layer(width, options.out_dim, 1)
        self.out_dim = dims[10] = options.out_dim
        self.endpoint_dims = {f"tdnn{i}": dim for i, dim in dims.items()}
        self.min_frames = 5 + sum(2 * distance for distance, _ in LAYERS.values())

    def __call__(self, x, endpoints=None):
        """x: (B, T, F) → (B, T - min_frames + 1, out_dim)."""
        outputs = {1: self.tdnn1(x)}
        for i, (_, skips) in LAYERS.items():
            cropped = [self._crop(outputs[j], j, i - 1) for j in skips]
            outputs[i] = self[f"tdnn{i}"](ops.concat(outputs[i - 1], *cropped))
        outputs[10] = self.tdnn10(outputs[9])
        if endpoints is not None:
            endpoints |= {f"tdnn{i}": x for i, x in outputs.items()}
        return outputs[10]

    def _crop(self, x, earlier, later):
        """Crops an earlier layer's output to the frames of a later one, whose context makes it shorter at both ends."""
        frames = sum(LAYERS[i][0] for i in range(earlier + 1, later + 1))
        return ops.crop(x, before=frames, after=frames)

    def constrain(self):
        """Moves the first factor of each layer, unless frozen, towards a multiple of a semi-orthogonal matrix."""
        for i in LAYERS:
            factor = self[f"tdnn{i}"].factor
            if "weight" in factor.trainable_parameters():
                factor.weight = semi_orthogonal_step(factor.weight)

    def set_dropout(self, dropout):
        """Sets the dropout of every factorized layer, for schedules."""
        for i in LAYERS:
            self[f"tdnn{i}"].dropout = dropout


def spliced_layer(in_dim, out_dim, kernel_size):
    """Makes a spliced affine layer with ReLU and batch normalization."""
    return TdnnLayer(Conv1d(in_dim, out_dim, kernel_size), BatchNorm(out_dim), "relu-bn", "relu", 0.0)


class FactorizedLayer(nn.Module):
    """A factorized affine map (section 2), ReLU, batch normalization, dropout.

    The first factor, semi-orthogonal and without bias, has the context {t - d, t}, the second one {t, t + d}; with
    d = 0 both have the context {t}.
    """

    def __init__(self, in_dim, bottleneck, out_dim, distance, dropout):
        super().__init__()
        kernel, dilation = (2, distance) if distance else (1, 1)
        self.factor = Conv1d(in_dim, bottleneck, kernel, dilation=dilation, bias=False)
        self.affine = Conv1d(bottleneck, out_dim, kernel, dilation=dilation)
        self.bn = BatchNorm(out_dim)
        self.dropout = dropout
        columns = kernel * in_dim
        self.factor.weight = mx.random.normal(self.factor.weight.shape, scale=columns**-0.5)

    def __call__(self, x):
        """x: (B, T, in_dim) → (B, T - 2 d, out_dim)."""
        x = self.bn(ops.relu(self.affine(self.factor(x))))
        if not (self.training and self.dropout):
            return x
        # Kaldi's dropout-per-dim-continuous: one factor for each channel of an utterance, over all its frames.
        return ops.random_scale(x, low=1 - 2 * self.dropout, high=1 + 2 * self.dropout)


def semi_orthogonal_step(weight):
    """Computes one step M ← M - 4 ν/α² (M Mᵀ - α² I) M, α² = tr(P Pᵀ)/tr(P), P = M Mᵀ (eq. 1-3, floating scale).

    As in Kaldi, ν is 1/8, or less if M is far from the constraint, where a full step could diverge.

    Args:
        weight: (O, K, I), as a matrix with O rows, or with O columns if O > K I.

    Returns:
        the new weight, (O, K, I)
    """
    matrix = weight.reshape(weight.shape[0], -1)
    tall = matrix.shape[0] > matrix.shape[1]
    matrix = matrix.T if tall else matrix
    product = matrix @ matrix.T
    trace, trace_of_square = mx.trace(product), mx.sum(product * product)
    ratio = trace_of_square * product.shape[0] / (trace * trace)
    speed = mx.where(ratio > 1.1, 1 / 32, mx.where(ratio > 1.02, 1 / 16, 1 / 8))
    scale = trace_of_square / trace
    step = (product - scale * mx.eye(product.shape[0])) @ matrix
    matrix = matrix - (4 * speed / scale) * step
    return (matrix.T if tall else matrix).reshape(weight.shape)
