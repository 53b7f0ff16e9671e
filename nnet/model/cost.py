"""What a model costs: the shapes, parameters and multiply-adds of its layers."""

import math
from dataclasses import dataclass

from nnet.ops import Value, mx, tree_flatten


@dataclass(frozen=True)
class Cost:
    """One line of the table.

    Attributes:
        name: a part of the model, such as network.layer1.
        shape: of its output without the batch axis.
        parameters: trainable ones.
        macs: multiply-adds for one utterance.
    """

    name: str
    shape: tuple[int, ...]
    parameters: int
    macs: int


def cost_table(model, input_dim, frames=200, level=2):
    """A list of `Cost`, one for each part of the model whose name has `level` components, in order of computation.

    Only products with weights are counted.

    Args:
        model: called with features (1, frames, input_dim).
        frames: of the utterance; WeSpeaker's figures are for 200.
    """
    names = {id(weight): name.rpartition(".")[0] for name, weight in tree_flatten(model.parameters())}
    products = []
    training = model.training
    model.eval()  # running statistics are left alone
    model(Counted(mx.zeros((1, frames, input_dim)), products))
    model.train(training)
    shapes, macs = {}, {}
    for weight, shape in products:
        part = _part(names[id(weight)], level)
        positions = math.prod(shape[:-1])
        macs[part] = macs.get(part, 0) + positions * weight.size
        if positions > 1 or part not in shapes:  # a gate that sees only means does not speak for its part
            shapes[part] = shape[1:]
    parameters = {}
    for name, weight in tree_flatten(model.trainable_parameters()):
        part = _part(name.rpartition(".")[0], level)
        parameters[part] = parameters.get(part, 0) + weight.size
    parts = list(macs) + [part for part in parameters if part not in macs]
    return [Cost(p, shapes.get(p, ()), parameters.get(p, 0), macs.get(p, 0)) for p in parts]


def count_parameters(model):
    """Number of trainable parameters; running statistics are none."""
    return sum(weight.size for _, weight in tree_flatten(model.trainable_parameters()))


def count_macs(model, input_dim, frames=200):
    """Multiply-adds with weights for one utterance of `frames` frames."""
    return sum(cost.macs for cost in cost_table(model, input_dim, frames))


def _part(name, level):
    return ".".join(name.split(".")[:level])


class Counted(Value):
    """An array whose products with weights are noted; nothing is computed, MLX builds the graph and drops it.

    Args:
        array: of any shape.
        products: a list that gets (weight, shape of the result) of each product.
    """

    def __init__(self, array, products):
        self.array, self.products = array, products

    @property
    def ndim(self):
        """Number of axes."""
        return self.array.ndim

    @property
    def shape(self):
        """Sizes of the axes."""
        return self.array.shape

    @property
    def dtype(self):
        """Type of the values."""
        return self.array.dtype

    def run(self, operation, values, options):
        arrays = [v.array if isinstance(v, Counted) else v for v in values]
        result = operation.on_arrays(*arrays, **options)
        if operation.__name__ in PRODUCTS:
            self.products.append((values[PRODUCTS[operation.__name__]], result.shape))
        if isinstance(result, tuple):
            return tuple(Counted(array, self.products) for array in result)
        return Counted(result, self.products)


# The operations that multiply by weights, and which of their arguments these are.
PRODUCTS = {"conv": 1, "linear": 1, "context_linear": 2}
