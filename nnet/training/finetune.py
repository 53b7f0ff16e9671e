"""Initializes a model from the weights of a trained one, for fine-tuning."""

import logging
import os
from fnmatch import fnmatchcase

from nnet.config.compare import differing_keys
from nnet.errors import InputError
from nnet.feats.prepare import INCIDENTAL
from nnet.model.directory import read_config, weights_path
from nnet.model.hub import find_model
from nnet.model.weights import read_weights, weights_of

log = logging.getLogger(__name__)

# Feature options that may change between training and fine-tuning.
RELEARNABLE = {"sample_frequency", "low_freq", "high_freq", "num_mel_bins"}


def initialize_from(model, directory, drop):
    """Loads the best weights of a model directory into `model`, except those whose names match a pattern of `drop`.

    Weights of `model` that the directory lacks keep their random initialization. The log lists both.

    Args:
        model: a SpeakerNet with its loss attached.
        directory: the model directory to start from, or a name for `find_model`.
        drop: patterns of weight names, such as "loss.*".

    Raises:
        InputError: a weight that is not dropped is missing from `model` or has another shape there.
    """
    path = weights_path(find_model(directory), "best")
    old, new = dict(read_weights(path)), weights_of(model)
    teaching = [n for n in old if n.startswith("distillation.") and n not in new]  # of a teacher that has left
    dropped = sorted(n for n in old if n in teaching or any(fnmatchcase(n, p) for p in drop))
    taken = {n: w for n, w in old.items() if n not in set(dropped)}
    for name, weight in taken.items():
        if name not in new:
            raise InputError(f"{path}: {name} is not in the new model; add it to training.drop to leave it out")
        if weight.shape != new[name].shape:
            raise InputError(
                f"{path}: {name} has shape {tuple(weight.shape)}, in the new model {tuple(new[name].shape)}; "
                "add it to training.drop to initialize it randomly"
            )
    model.load_weights([(n, w.astype(new[n].dtype)) for n, w in taken.items()], strict=False)
    fresh = sorted(n for n in new if n not in taken)
    log.info("initialized %d of %d weights from %s", len(taken), len(new), path)
    log.info("dropped: %s", ", ".join(dropped) or "none")
    log.info("randomly initialized: %s", ", ".join(fresh) or "none")


def check_same_front_end(directory, feats_conf, data_path):
    """Checks that the training data have the features of the pretrained model.

    Another sampling rate, frequency range or number of bins only gives a warning, as fine-tuning can adapt to it;
    `initialize_from` checks the number of bins.

    Raises:
        InputError: the features differ in any other option.
    """
    directory = find_model(directory)
    old = read_config(directory)[1]["feats_conf"]
    if not (old and feats_conf):
        return
    hint = os.path.join(directory, f"{old['type']}.conf")
    keys = [k for k in differing_keys(old, feats_conf) if k.removeprefix("options.") not in INCIDENTAL]
    if not feats_conf["silence_removed"]:
        keys = [k for k in keys if k.partition(".")[0] != "vad"]
    differ = f"{data_path}: features differ from those of {directory} in {', '.join(keys)}"
    if any(k.removeprefix("options.") not in RELEARNABLE for k in keys):
        raise InputError(f"{differ}; recompute them{f' with {hint}' if os.path.isfile(hint) else ''}")
    if keys:
        log.warning("%s; the network has to adapt to that", differ)
