"""tf-kaldi-speaker's models: nnet/config.json and TensorFlow's checkpoint beside it."""

import logging

import numpy as np

from nnet.config.tf_kaldi import convert_tf_kaldi, is_tf_kaldi
from nnet.config.tf_kaldi.names import variable_names
from nnet.errors import InputError
from nnet.pretrained.reading import Reading

log = logging.getLogger(__name__)

FIRST = "tdnn/tdnn1_conv/kernel"


def recognise(source):
    """Whether it holds that toolkit's first variable."""
    return FIRST in source.state


def read(source):
    """The Reading of such a source; features are as its data directory says, which the checkpoint does not know."""
    if not is_tf_kaldi(source.settings):
        raise InputError(f"{source.path}: its config.json, which tells the network, must lie beside it")
    converted = convert_tf_kaldi(source.settings, source.path)
    sections = {name: converted[name] for name in ("network", "pooling", "embedding")}
    theirs = {ours: name.removesuffix(":0") for name, ours in variable_names(converted).items()}
    state = {name: _upright(name, array) for name, array in source.state.items() if not _is_slot(name, source.state)}
    classifier = [name for name in state if name.startswith("softmax")]
    log.info("%s: left out, as the training speakers' classifier: %s", source.path, ", ".join(classifier) or "nothing")
    state = {name: array for name, array in state.items() if name not in classifier}
    if FIRST not in state or state[FIRST].ndim != 4:
        raise InputError(f"{source.path}: {FIRST} is missing or no kernel of a convolution")
    input_dim = state[FIRST].shape[3]
    return Reading(sections, input_dim, None, state, lambda name, _: theirs.get(name), _layout)


def _is_slot(name, state):
    """Whether it is a variable of the optimizer: VARIABLE/Momentum, VARIABLE/Adam, beta1_power."""
    return name.rpartition("/")[0] in state or name.endswith("_power")


def _upright(name, array):
    """Kernels (..., I, O) with the outputs first: (O, ..., I)."""
    return np.moveaxis(array, -1, 0) if name.endswith("/kernel") and array.ndim > 1 else array


def _layout(array, ndim):
    """Kernels (O, 1, K, I) and (O, I) as ours (O, K, I); the queries of all heads (H, D) as one vector."""
    if array.ndim == 4:
        array = array.squeeze(1) if array.shape[1] == 1 else array
    elif array.ndim == 2 and ndim == 3:
        array = array[:, None]
    elif ndim == 1:
        array = array.reshape(-1)
    return np.ascontiguousarray(array)
