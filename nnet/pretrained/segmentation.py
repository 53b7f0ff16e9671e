"""Reads pyannote's PyanNet with a powerset, such as `segmentation-3.0`, into a SegmentationNet."""

import re

import numpy as np

from nnet.errors import InputError
from nnet.networks.segmentation import SegmentationNet, SegmentationOptions, speaker_sets
from nnet.ops import mx
from nnet.ops.runtime import prepare
from nnet.options import build_section
from nnet.pretrained.checkpoint import settings_section
from nnet.pretrained.convert import place_weights
from nnet.pretrained.layouts import from_torch
from nnet.pretrained.mapping import CheckpointMapping

BANDS = "sincnet.conv1d.0.filterbank."
STRIDE = 10  # of PyanNet's band passes; the weights do not tell it, the settings beside them may
GATES = (0, 1, 3, 2)  # PyTorch's are input, forget, cell, output; ours have the cell last
PARTS = {"input_weight": ("weight_ih",), "state_weight": ("weight_hh",), "bias": ("bias_ih", "bias_hh")}


def recognize(checkpoint):
    """Returns whether the checkpoint has a SincNet, an LSTM and a classifier with pyannote's names."""
    return {f"{BANDS}low_hz_", "lstm.weight_ih_l0", "classifier.weight"} <= checkpoint.state.keys()


def convert_segmentation(checkpoint):
    """Makes a SegmentationNet in eval mode of a checkpoint.

    Raises:
        InputError: the classes are no powerset, or tensors do not match the network one to one.
    """
    prepare()
    state, path = dict(checkpoint.state), checkpoint.path
    options = _options(state, checkpoint.settings, path)
    _drop_constants(state, options, path)
    for layer in range(options.lstm_layers):
        state |= _lstm_layer(state, layer, options.lstm_width, path)
    model = SegmentationNet(options)
    mapping = CheckpointMapping({}, 1, None, state, _their_name, _layout)
    model.load_weights(list(place_weights(model, "segmentation", mapping, path).items()))
    model.eval()
    mx.eval(model.parameters())
    return model


def _options(state, settings, path):
    """Infers the SegmentationOptions from shapes, and what shapes do not tell from the settings."""
    task, theirs = (settings_section(settings, name, path) for name in ("task", "model"))
    sincnet = settings_section(theirs, "sincnet", path)
    linear = [f"linear.{i}.weight" for i in range(_count(state, r"linear\.(\d+)\.weight"))]
    convs = [f"sincnet.conv1d.{i}.weight" for i in range(1, 1 + _count(state, r"sincnet\.conv1d\.(\d+)\.weight"))]
    classes = len(state["classifier.weight"])
    speakers, at_once = _powerset(task, classes, path)
    values = {
        "sample_rate": theirs.get("sample_rate", 16000),
        "seconds": task.get("duration", 10.0),
        "speakers": speakers,
        "at_once": at_once,
        "filters": 2 * len(state[f"{BANDS}low_hz_"]),
        "kernel": 2 * _tensor(state, f"{BANDS}window_", path).shape[-1] + 1,
        "stride": sincnet.get("stride", STRIDE),
        "channels": [len(_tensor(state, name, path)) for name in convs],
        "lstm_width": _tensor(state, "lstm.weight_hh_l0", path).shape[-1],
        "lstm_layers": _count(state, r"lstm\.weight_ih_l(\d+)"),
        "linear_dims": [len(_tensor(state, name, path)) for name in linear],
    }
    return build_section(SegmentationOptions, values, path)


def _powerset(task, classes, path):
    """Returns the speakers of a window and of a frame: those of the settings, or two at once."""
    speakers, at_once = task.get("max_speakers_per_chunk"), task.get("max_speakers_per_frame")
    if speakers is None or at_once is None:
        at_once = 2
        speakers = next((n for n in range(2, 21) if len(speaker_sets(n, at_once)) == classes), None)
    counts = type(speakers) is int and type(at_once) is int and 1 <= at_once <= speakers <= 20
    if not counts or len(speaker_sets(speakers, at_once)) != classes:
        raise InputError(
            f"{path}: its {classes} classes are not the sets of at most two of several speakers; only networks with a "
            "powerset, such as segmentation-3.0, are read"
        )
    return speakers, at_once


def _drop_constants(state, options, path):
    """Removes the constants beside the band passes; InputError if they are not those of a SincNet."""
    half = options.kernel // 2
    constants = {
        f"{BANDS}window_": np.hamming(options.kernel)[:half],
        f"{BANDS}n_": 2 * np.pi * np.arange(-half, 0) / options.sample_rate,
    }
    for name, expected in constants.items():
        found = _tensor(state, name, path).reshape(-1)
        if found.shape != expected.shape or not np.allclose(found, expected, rtol=1e-5, atol=1e-6):
            raise InputError(f"{path}: {name} is not the constant of a SincNet at {options.sample_rate} Hz")
        del state[name]


def _lstm_layer(state, layer, width, path):
    """Takes a layer's tensors out of the state and joins them: directions stacked, biases added, gates in our order."""
    joined = {}
    for ours, theirs in PARTS.items():
        rows = []
        for direction in ("", "_reverse"):
            names = [f"lstm.{part}_l{layer}{direction}" for part in theirs]
            arrays = [_tensor(state, name, path) for name in names]
            if any(len(array) != 4 * width for array in arrays):
                raise InputError(f"{path}: {names[0]} does not have {4 * width} rows, as an LSTM of {width} units has")
            gates = np.split(sum(array.astype(np.float64) for array in arrays), 4)
            rows.append(np.concatenate([gates[gate] for gate in GATES]))
            for name in names:
                del state[name]
        joined[f"lstm.{layer}.{ours}"] = np.stack(rows)
    return joined


def _their_name(name, _):
    name = re.sub(r"^sincnet\.norm\.", "sincnet.wav_norm1d.", name)
    name = re.sub(r"^sincnet\.norms\.", "sincnet.norm1d.", name)
    name = {"sincnet.convs.0.low": f"{BANDS}low_hz_", "sincnet.convs.0.width": f"{BANDS}band_hz_"}.get(name, name)
    return name.replace("sincnet.convs.", "sincnet.conv1d.")


def _layout(array, ndim):
    """Joined LSTM weights (2, 4 H, I) are ours already; edges of bands are (N, 1) there."""
    if ndim == 1 and array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    return array if array.ndim == 3 and array.dtype == np.float64 else from_torch(array, ndim)


def _tensor(state, name, path):
    if name not in state:
        raise InputError(f"{path}: {name} is missing")
    return state[name]


def _count(state, pattern):
    return sum(bool(re.fullmatch(pattern, name)) for name in state)
