"""Starting from another model's weights."""

import logging
import os
from fnmatch import fnmatchcase

from nnet.config.compare import differing_keys
from nnet.errors import InputError
from nnet.feats.prepare import INCIDENTAL
from nnet.model.directory import read_config, weights_path
from nnet.model.weights import read_weights, weights_of

log = logging.getLogger(__name__)

# What may be otherwise in the features that a network is fine-tuned on.
LEARNT_AGAIN = {"sample_frequency", "low_freq", "high_freq", "num_mel_bins"}


def take_over(model, directory, drop):
    """Puts the weights of a model directory into `model`, but for those whose names match a pattern of `drop`.

    What the old model does not have keeps its fresh value; both lists go to the log.

    Raises:
        InputError: an old weight that is not dropped has no place, or another shape, in the new model.
    """
    path = weights_path(directory, "best")
    old, new = dict(read_weights(path)), weights_of(model)
    dropped = sorted(n for n in old if any(fnmatchcase(n, p) for p in drop))
    taken = {n: w for n, w in old.items() if n not in set(dropped)}
    for name, weight in taken.items():
        if name not in new:
            raise InputError(f"{path}: {name} has no place in the new model; name it in training.drop to leave it out")
        if weight.shape != new[name].shape:
            raise InputError(
                f"{path}: {name} has shape {tuple(weight.shape)}, the new model's has {tuple(new[name].shape)}; "
                "name it in training.drop to start it anew"
            )
    model.load_weights(list(taken.items()), strict=False)
    fresh = sorted(n for n in new if n not in taken)
    log.info("%d of %d weights taken over from %s", len(taken), len(new), path)
    log.info("dropped: %s", ", ".join(dropped) or "none")
    log.info("fresh: %s", ", ".join(fresh) or "none")


def check_same_front_end(directory, feats_conf, data_path):
    """The data must hold what the pretrained model was made for, but for what it can learn to do without.

    Another sampling rate, range of frequencies or number of bins goes to the log; whether the network takes that many
    bins is seen when its weights are taken over.
    """
    old = read_config(directory)[1]["feats_conf"]
    if not (old and feats_conf):
        return
    keys = [k for k in differing_keys(old, feats_conf) if k.removeprefix("options.") not in INCIDENTAL]
    if not feats_conf["silence_removed"]:
        keys = [k for k in keys if k.partition(".")[0] != "vad"]
    differ = f"{data_path}: its features differ from those of {directory} in {', '.join(keys)}"
    if any(k.removeprefix("options.") not in LEARNT_AGAIN for k in keys):
        raise InputError(f"{differ}; make them anew{_how_to_make(directory)}")
    if keys:
        log.warning("%s; the network has to learn that", differ)


def _how_to_make(directory):
    conf = os.path.join(directory, "fbank.conf")
    return f" with {conf}" if os.path.isfile(conf) else ""
