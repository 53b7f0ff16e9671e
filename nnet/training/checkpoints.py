"""Saves and restores the training state: weights, optimizer, schedule, position in the epoch, running sums."""

import json
import os
import shutil

from nnet.errors import InputError
from nnet.model.directory import list_checkpoints
from nnet.model.weights import load_weights, read_weights, weights_of
from nnet.ops import mx


def save_checkpoint(directory, model, optimizer, ema, state, keep):
    """Writes checkpoints/epoch-NNNN[-step-NNNNNNNN] and removes all but the last `keep` checkpoints of whole epochs.

    Args:
        directory: the model directory.
        ema: dict with the exponential moving average of the weights; empty if it is not used.
        state: JSON-serializable dict with at least `epoch` (completed epochs) and `step` (completed steps of the next).
    """
    name = f"epoch-{state['epoch']:04d}" + (f"-step-{state['step']:08d}" if state["step"] else "")
    folder = os.path.join(directory, "checkpoints", name)
    temporary = folder + ".tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    os.makedirs(temporary)
    for part, arrays in (("weights", weights_of(model)), ("optimizer", optimizer.state), ("ema", ema)):
        mx.save_safetensors(os.path.join(temporary, f"{part}.safetensors"), arrays)
    with open(os.path.join(temporary, "state.json"), "w") as f:
        json.dump(state, f)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(temporary, folder)
    _remove_old(directory, folder, keep)


def _remove_old(directory, newest, keep):
    folders = list_checkpoints(directory)
    full = [f for f in folders if "-step-" not in os.path.basename(f)]
    for folder in folders:
        if folder != newest and folder not in full[-keep:]:
            shutil.rmtree(folder)


def restore_checkpoint(directory, model, optimizer):
    """Loads the last checkpoint into model and optimizer; returns (state, ema), or (None, {}) if there is none."""
    folders = list_checkpoints(directory)
    if not folders:
        return None, {}
    path = os.path.join(folders[-1], "weights.safetensors")
    load_weights(model, read_weights(path), path)
    arrays = dict(read_weights(os.path.join(folders[-1], "optimizer.safetensors")))
    ema = dict(read_weights(os.path.join(folders[-1], "ema.safetensors")))
    path = os.path.join(folders[-1], "state.json")
    try:
        with open(path) as f:
            state = json.load(f)
    except (OSError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: {error}; remove this folder to resume from the previous checkpoint") from None
    if "optimizer_steps" in state:
        arrays = optimizer_state_of_version_01(arrays, state.pop("optimizer_steps"))
    optimizer.state = arrays
    return state, ema


def optimizer_state_of_version_01(arrays, steps):
    """The state of an optimizer as version 0.1 wrote it, by today's names: mean:NAME is NAME.m, and steps an array."""
    slots = {"velocity": "v", "mean": "m", "square": "v"}
    named = {f"{name}.{slots[slot]}": array for (slot, name), array in ((n.split(":"), a) for n, a in arrays.items())}
    return named | {"step": mx.array(steps, mx.uint64)}
