"""Reads tf-kaldi-speaker's models: nnet/config.json and the TensorFlow checkpoint beside it."""

import logging

import numpy as np

from nnet.config.tf_kaldi import convert_tf_kaldi, is_tf_kaldi
from nnet.config.tf_kaldi.names import variable_names
from nnet.errors import InputError
from nnet.pretrained.mapping import CheckpointMapping

log = logging.getLogger(__name__)

FIRST = "tdnn/tdnn1_conv/kernel"


def recognize(checkpoint):
    """Returns whether the checkpoint holds the first variable of tf-kaldi-speaker's network."""
    return FIRST in checkpoint.state


def map_checkpoint(checkpoint):
    """Returns the CheckpointMapping of a checkpoint of this kind; its feats_conf is None, as nothing records it."""
    if not is_tf_kaldi(checkpoint.settings):
        raise InputError(
            f"{checkpoint.path}: tf-kaldi-speaker's config.json is missing beside it; it defines the network"
        )
    converted = convert_tf_kaldi(checkpoint.settings, checkpoint.path)
    sections = {name: converted[name] for name in ("network", "pooling", "embedding")}
    theirs = {ours: name.removesuffix(":0") for name, ours in variable_names(converted).items()}
    variables = checkpoint.state
    state = {name: _outputs_first(name, array) for name, array in variables.items() if not _is_slot(name, variables)}
    classifier = [name for name in state if name.startswith("softmax")]
    dropped = ", ".join(classifier) or "nothing"
    log.info("%s: dropped the classifier of the training speakers: %s", checkpoint.path, dropped)
    state = {name: array for name, array in state.items() if name not in classifier}
    if FIRST not in state or state[FIRST].ndim != 4:
        raise InputError(f"{checkpoint.path}: {FIRST} is missing or is not a convolution kernel")
    input_dim = state[FIRST].shape[3]
    return CheckpointMapping(sections, input_dim, None, state, lambda name, _: theirs.get(name), _layout)


def _is_slot(name, state):
    """Returns whether a variable belongs to the optimizer: VARIABLE/Momentum, VARIABLE/Adam, beta1_power."""
    return name.rpartition("/")[0] in state or name.endswith("_power")


def _outputs_first(name, array):
    """Moves the output axis of kernels to the front: (..., I, O) → (O, ..., I)."""
    return np.moveaxis(array, -1, 0) if name.endswith("/kernel") and array.ndim > 1 else array


def _layout(array, ndim):
    """Reshapes kernels (O, 1, K, I) or (O, I) to our (O, K, I), and the queries of all heads (H, D) to one vector."""
    if array.ndim == 4:
        array = array.squeeze(1) if array.shape[1] == 1 else array
    elif array.ndim == 2 and ndim == 3:
        array = array[:, None]
    elif ndim == 1:
        array = array.reshape(-1)
    return np.ascontiguousarray(array)
