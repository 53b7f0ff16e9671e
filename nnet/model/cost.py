"""Counts the parameters and multiply-adds of a model's layers, and shows their output shapes."""

import math
from dataclasses import dataclass

from nnet.ops import Value, mx, tree_flatten

OTHER = "other"


@dataclass(frozen=True)
class Cost:
    """The cost of one part of a model.

    Attributes:
        name: the part, such as network.layer1.
        shape: shape of its output without the batch axis.
        parameters: number of trainable parameters.
        macs: multiply-adds for one utterance.
    """

    name: str
    shape: tuple[int, ...]
    parameters: int
    macs: int


def cost_table(model, input_dim, frames=200, level=2):
    """Computes the cost of each part of a model. Only products with weights count as multiply-adds.

    Args:
        model: a module that takes features (1, frames, input_dim).
        input_dim: feature dimension.
        frames: length of the utterance; WeSpeaker's published figures are for 200.
        level: number of dotted components in the name of a part.

    Returns:
        list of Cost, in order of computation; products with arrays that are made from weights are counted as "other"

    Raises:
        InputError: the model has an operation on plain arrays (`ops.with_arrays`).
    """
    names = {id(weight): name.rpartition(".")[0] for name, weight in tree_flatten(model.parameters())}
    products = []
    training = model.training
    model.eval()  # so that running statistics do not change
    model(Counted(mx.zeros((1, frames, input_dim)), products))
    model.train(training)
    shapes, macs = {}, {}
    for weight, shape in products:
        part = _part(names.get(id(weight), OTHER), level)
        positions = math.prod(shape[:-1])
        macs[part] = macs.get(part, 0) + positions * weight.size
        if positions > 1 or part not in shapes:  # a gate computed from means does not have the part's shape
            shapes[part] = shape[1:]
    parameters = {}
    for name, weight in tree_flatten(model.trainable_parameters()):
        part = _part(name.rpartition(".")[0], level)
        parameters[part] = parameters.get(part, 0) + weight.size
    parts = list(macs) + [part for part in parameters if part not in macs]
    return [Cost(p, shapes.get(p, ()), parameters.get(p, 0), macs.get(p, 0)) for p in parts]


def count_parameters(model):
    """Returns the number of trainable parameters, without running statistics."""
    return sum(weight.size for _, weight in tree_flatten(model.trainable_parameters()))


def count_macs(model, input_dim, frames=200):
    """Returns the multiply-adds with weights for one utterance of `frames` frames."""
    return sum(cost.macs for cost in cost_table(model, input_dim, frames))


def _part(name, level):
    return ".".join(name.split(".")[:level])


class Counted(Value):
    """An array that records its products with weights; MLX builds the graph but never evaluates it.

    Args:
        array: of any shape.
        products: list to which (weight, shape of the result) of each product is appended.
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
        for position in PRODUCTS.get(operation.__name__, ()):
            self.products.append((values[position], result.shape))
        if isinstance(result, tuple):
            return tuple(Counted(array, self.products) for array in result)
        return Counted(result, self.products)


# Operations that multiply by weights, with the positions of the weights among their arguments.
PRODUCTS = {"conv": (1,), "linear": (1,), "context_linear": (2,), "lstm": (1, 2)}
