"""Starting from another model's weights."""

import logging
from fnmatch import fnmatchcase

from nnet.config.compare import differing_keys
from nnet.errors import InputError
from nnet.model_dir import read_config, weights_path
from nnet.weights import read_weights, weights_of

log = logging.getLogger(__name__)


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
    """The data must hold what the pretrained model was made for."""
    about = read_config(directory)[1]
    if about["feats_conf"] and feats_conf and about["feats_conf"] != feats_conf:
        keys = ", ".join(differing_keys(about["feats_conf"], feats_conf))
        raise InputError(f"{data_path}: its features differ from those of {directory} in {keys}; make them anew")
