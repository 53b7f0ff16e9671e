"""Reads and writes the weights of a module as named arrays, in memory and in safetensors files."""

import os

from nnet.errors import InputError
from nnet.files import atomic_write
from nnet.model.safetensors import check_safetensors
from nnet.ops import mx, tree_flatten


def weights_of(model):
    """Returns a dict from dotted name to array of every weight and running statistic of a module."""
    return dict(tree_flatten(model.parameters()))


def load_weights(model, weights, source):
    """Loads `weights` (name → array, of float16 or float32) into a model, as numbers of the model's own type.

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
    model.load_weights([(n, w.astype(own[n].dtype)) for n, w in weights.items()])


def read_weights(path):
    """Reads a safetensors file: dict from name to array; InputError if it is damaged or holds NaN or infinity."""
    if not os.path.isfile(path):
        raise InputError(f"{path}: no such file; has the training finished?")
    arrays = read_safetensors(path)
    _refuse_nan(arrays, path)
    return arrays


def read_safetensors(path):
    """Reads a safetensors file: dict from name to array, whatever the values."""
    check_safetensors(path)
    try:
        return mx.load(path)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path}: not a readable safetensors file: {error}") from None


def save_weights(path, weights):
    """Writes arrays to a safetensors file, atomically: a killed process or a power loss leaves the old file or none.

    The same arrays give the same bytes: MLX writes them in an order that depends on that of the dict, which a resumed
    training has in another order.

    Raises:
        InputError: an array holds NaN or infinity, or the file cannot be written.
    """
    _refuse_nan(weights, path)
    with atomic_write(path, binary=True, durable=True) as file:
        mx.save_safetensors(file, dict(sorted(weights.items())))


def _refuse_nan(arrays, path):
    finite = {n: mx.all(mx.isfinite(a)) for n, a in arrays.items() if mx.issubdtype(a.dtype, mx.floating)}
    mx.eval(finite)
    bad = [name for name, all_finite in finite.items() if not all_finite.item()]
    if bad:
        raise InputError(f"{path}: {bad[0]} holds NaN or infinity{f' ({len(bad)} arrays do)' if len(bad) > 1 else ''}")
