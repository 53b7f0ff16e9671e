"""Reads checkpoint files of other toolkits, together with the settings stored beside them."""

import os
import re
import zipfile
from dataclasses import dataclass, field

import numpy as np
import yaml

from nnet.errors import InputError
from nnet.files import read_json, read_text
from nnet.model.weights import read_safetensors
from nnet.ops import mx
from nnet.pretrained.tf_bundle import read_bundle
from nnet.pretrained.torch_file import read_torch_state

# File names that the toolkits give their weights, in the order in which a folder is searched.
WEIGHTS = (
    "avg_model.pt",
    "models/avg_model.pt",
    "pytorch_model.bin",
    "embedding_model.ckpt",
    "weights.npz",
    "weights.safetensors",
)
LATEST = ("checkpoint", "nnet/checkpoint")  # TensorFlow's file that names the latest checkpoint
SETTINGS = ("config.yaml", "configuration.json", "config.json")
SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".npz", ".safetensors", ".index")
MAX_UNPACKING = 20  # largest accepted expansion of a compressed npz, as a guard against zip bombs


@dataclass
class Checkpoint:
    """A checkpoint as its toolkit wrote it.

    Attributes:
        path: the weights file.
        state: dict from tensor name to array, in the file's own names and layouts.
        settings: content of the toolkit's configuration file in the same folder, or above one that is called models; {}
            if there is none.
        model_config: the dict of this name in the weights file itself; {} if there is none.
    """

    path: str
    state: dict
    settings: dict = field(default_factory=dict)
    model_config: dict = field(default_factory=dict)


def read_checkpoint(path):
    """Reads a checkpoint file, or the only one in a folder, and the settings beside it.

    Raises:
        InputError: no checkpoint, several of them, or a damaged file.
    """
    weights = _find_weights(path) if os.path.isdir(path) else path
    if weights.endswith(".meta") or not os.path.isfile(weights) and os.path.isfile(f"{weights}.index"):
        weights = f"{weights.removesuffix('.meta')}.index"  # TensorFlow users pass the common prefix of the files
    if not os.path.isfile(weights):
        raise InputError(f"{path}: no such file or folder")
    tensors, model_config = read_tensors(weights)
    state = {name.removeprefix("module."): array for name, array in tensors.items()}
    return Checkpoint(weights, state, _find_settings(os.path.dirname(weights)), model_config)


def read_tensors(path):
    """Reads a PyTorch, npz, safetensors or TensorFlow file.

    Returns:
        (dict from tensor name to NumPy array, dict of settings in the same file)
    """
    if path.endswith(".npz"):
        return _read_npz(path), {}
    if path.endswith(".safetensors"):
        arrays = read_safetensors(path)
        wide = {mx.bfloat16: mx.float32}
        return {name: np.array(a.astype(wide.get(a.dtype, a.dtype))) for name, a in arrays.items()}, {}
    if path.endswith(".index"):
        return read_bundle(path.removesuffix(".index")), {}
    return read_torch_state(path)


def settings_section(settings, name, path):
    """Returns the dict `settings[name]`, {} if it is absent; `path` names the checkpoint in errors."""
    value = settings.get(name)
    if value is not None and not isinstance(value, dict):
        raise InputError(f"{path}: in its settings, {name} must be a section, not {value!r}")
    return value or {}


def _find_weights(folder):
    for name in WEIGHTS:
        if os.path.isfile(os.path.join(folder, name)):
            return os.path.join(folder, name)
    for name in LATEST:
        if os.path.isfile(os.path.join(folder, name)):
            return _latest_tensorflow_checkpoint(os.path.join(folder, name))
    names = sorted(n for n in os.listdir(folder) if n.endswith(SUFFIXES))
    if len(names) != 1:
        if names:
            raise InputError(f"{folder}: several checkpoints: {', '.join(names)}; give the path of one of them")
        raise InputError(f"{folder}: no checkpoint; looked for {', '.join(WEIGHTS)}")
    return os.path.join(folder, names[0])


def _find_settings(folder):
    """Reads the settings beside weights, or those of WeSpeaker above its folder models; {} without any."""
    paths = (os.path.join(folder, name) for name in SETTINGS)
    path = next(filter(os.path.isfile, paths), None)
    if path:
        return _read_settings(path)
    above = os.path.join(folder, "..", "config.yaml")
    if os.path.basename(os.path.abspath(folder)) == "models" and os.path.isfile(above):
        settings = _read_settings(above)
        if isinstance(settings.get("model_args"), dict):  # otherwise it is of something else
            return settings
    return {}


def _latest_tensorflow_checkpoint(path):
    """Path of the .index file that TensorFlow's file `checkpoint` names, taken from that file's own folder.

    The stored path is that of the training machine, so only its base name counts.
    """
    with open(path, encoding="utf-8", errors="replace") as file:
        found = re.search(r'^model_checkpoint_path: "([^"]+)"', file.read(), re.MULTILINE)
    if not found:
        raise InputError(f"{path}: names no checkpoint")
    return os.path.join(os.path.dirname(path), f"{os.path.basename(found[1])}.index")


def _read_settings(path):
    if path.endswith(".json"):
        return read_json(path)
    try:
        settings = yaml.safe_load(read_text(path))
    except RecursionError:
        raise InputError(f"{path}: not valid YAML: nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    return settings if isinstance(settings, dict) else {}


def _read_npz(path):
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_UNPACKING * os.path.getsize(path):
            raise InputError(f"{path}: refused: it unpacks to {unpacked} bytes, more than weights plausibly do")
        with np.load(path, allow_pickle=False) as arrays:
            state = {name: arrays[name] for name in arrays.files}
    except InputError:
        raise
    except Exception as error:  # zipfile and NumPy parse headers, and raise almost anything for damaged ones
        raise InputError(f"{path}: not a readable npz file: {error!r}") from None
    others = [name for name, array in state.items() if not isinstance(array, np.ndarray)]
    if others:
        raise InputError(f"{path}: not a readable npz file: {others[0]} is not an array")
    return state
