"""Saves and restores the training state: weights, optimizer, schedule, position in the epoch, running sums."""

import os
import shutil

from nnet.errors import InputError
from nnet.files import check_entries, make_directory, read_json, sync_directory, write_json
from nnet.model.directory import list_checkpoints
from nnet.model.weights import load_weights, read_weights, save_weights, weights_of
from nnet.ops import mx

# Entries of state.json, of the running sums in it, and of the best epoch.
STATE = {
    "epoch": int,
    "step": int,
    "best": (dict, type(None)),
    "stop": bool,
    "log": list,
    "sums": dict,
    "schedule": dict,
}
SUMS = {"loss": (int, float), "accuracy": (int, float), "chunks": (int, float)}
BEST = {"epoch": int, "value": (int, float)}


def save_checkpoint(directory, model, optimizer, ema, state, keep):
    """Writes checkpoints/epoch-NNNN[-step-NNNNNNNN] and removes all but the last `keep` checkpoints of whole epochs.

    A checkpoint appears when all of it is on the disk.

    Args:
        directory: the model directory.
        ema: dict with the exponential moving average of the weights; empty if it is not used.
        state: JSON-serializable dict with at least `epoch` (completed epochs) and `step` (completed steps of the next).

    Raises:
        InputError: the checkpoint cannot be written (disk full), or holds NaN or infinity.
    """
    name = f"epoch-{state['epoch']:04d}" + (f"-step-{state['step']:08d}" if state["step"] else "")
    folder = os.path.join(directory, "checkpoints", name)
    temporary = folder + ".tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    make_directory(temporary)
    try:
        for part, arrays in (("weights", weights_of(model)), ("optimizer", optimizer.state), ("ema", ema)):
            save_weights(os.path.join(temporary, f"{part}.safetensors"), arrays)
        write_json(os.path.join(temporary, "state.json"), state, durable=True)
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    sync_directory(os.path.dirname(folder))
    remove_old_checkpoints(directory, keep)


def remove_old_checkpoints(directory, keep):
    """Removes all but the newest checkpoint and the last `keep` of whole epochs."""
    folders = list_checkpoints(directory)
    full = [f for f in folders if "-step-" not in os.path.basename(f)]
    for folder in folders:
        if folder != folders[-1] and folder not in full[-keep:]:
            shutil.rmtree(folder)


def restore_checkpoint(directory, model, optimizer, schedule):
    """Loads the last checkpoint into model, optimizer and schedule; returns (state, ema), or (None, {}) without one."""
    folders = list_checkpoints(directory)
    if not folders:
        return None, {}
    path = os.path.join(folders[-1], "weights.safetensors")
    try:
        weights = read_weights(path)
        arrays = dict(read_weights(os.path.join(folders[-1], "optimizer.safetensors")))
        ema = dict(read_weights(os.path.join(folders[-1], "ema.safetensors")))
        state = _read_state(os.path.join(folders[-1], "state.json"), schedule)
    except InputError as error:
        raise InputError(f"{error}; remove this folder to resume from the previous checkpoint") from None
    load_weights(model, weights, path)
    if "optimizer_steps" in state:
        arrays = optimizer_state_of_version_01(arrays, state.pop("optimizer_steps"))
    optimizer.state, schedule.state = arrays, state.pop("schedule")
    return state, ema


def _read_state(path, schedule):
    state = read_json(path)
    check_entries(state, STATE, path)
    check_entries(state["sums"], SUMS, f"{path}: sums")
    check_entries(state["schedule"], dict.fromkeys(schedule.state, object), f"{path}: schedule")
    if state["best"] is not None:
        check_entries(state["best"], BEST, f"{path}: best")
    return state


def optimizer_state_of_version_01(arrays, steps):
    """The state of an optimizer as version 0.1 wrote it, by today's names: mean:NAME is NAME.m, and steps an array."""
    slots = {"velocity": "v", "mean": "m", "square": "v"}
    named = {f"{name}.{slots[slot]}": array for (slot, name), array in ((n.split(":"), a) for n, a in arrays.items())}
    return named | {"step": mx.array(steps, mx.uint64)}
