"""Reads and writes the weights of a module as named arrays, in memory and in safetensors files."""

import os

from nnet.errors import InputError
from nnet.files import atomic_write
from nnet.ops import mx, tree_flatten


def weights_of(model):
    """Returns a dict from dotted name to array of every weight and running statistic of a module."""
    return dict(tree_flatten(model.parameters()))


def load_weights(model, weights, source):
    """Loads `weights` (name → array) into a model.

    Raises:
        InputError: extra, missing or wrongly shaped weights; `source` is what the message calls them.
    """
    own = weights_of(model)
    faults = [f"{n} is missing" for n in own if n not in weights]
    faults += [f"{n} is not in this model" for n in weights if n not in own]
    faults += [
        f"{n} has shape {tuple(weights[n].shape)}, not {tuple(own[n].shape)}"
        for n in own
        if n in weights and weights[n].shape != own[n].shape
    ]
    if faults:
        more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
        raise InputError(f"{source} does not match the configuration: {'; '.join(faults[:5])}{more}")
    model.load_weights(list(weights.items()))


def read_weights(path):
    """Reads a safetensors file: dict from name to array."""
    if not os.path.isfile(path):
        raise InputError(f"{path}: no such file; has the training finished?")
    try:
        return mx.load(path)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path}: not a readable safetensors file: {error}") from None


def save_weights(path, weights):
    """Writes arrays to a safetensors file, atomically: a killed process leaves the old file or none."""
    with atomic_write(path, binary=True) as file:
        mx.save_safetensors(file, weights)
