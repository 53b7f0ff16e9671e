"""What a model costs: the shapes, parameters and multiply-adds of its layers."""

import contextlib
import math
from dataclasses import dataclass

from nnet.ops import mx, tree_flatten

_notes = None


def note(layer, y):
    """Every layer with a weight matrix calls this with its output (B, ..., O), however computed; gives it back."""
    if _notes is not None:
        _notes.append((layer, tuple(y.shape)))
    return y


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

    Only products with weights are counted. Nothing is computed: MLX builds the graph and drops it.

    Args:
        model: called with features (1, frames, input_dim).
        frames: of the utterance; WeSpeaker's figures are for 200.
    """
    names = {id(module): name for name, module in model.named_modules()}
    training = model.training
    model.eval()  # running statistics are left alone
    with _watching() as notes:
        model(mx.zeros((1, frames, input_dim)))
    model.train(training)
    shapes, macs = {}, {}
    for layer, shape in notes:
        part = _part(names[id(layer)], level)
        positions = math.prod(shape[:-1])
        macs[part] = macs.get(part, 0) + positions * layer.weight.size
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


@contextlib.contextmanager
def _watching():
    global _notes
    outer, _notes = _notes, []
    try:
        yield _notes
    finally:
        _notes = outer
