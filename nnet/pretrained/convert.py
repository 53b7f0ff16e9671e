"""Converts a checkpoint of another toolkit into a model directory."""

import logging
import os
from dataclasses import dataclass

import numpy as np

from nnet.config import Config, build_config
from nnet.errors import InputError
from nnet.feats.conf import write_conf
from nnet.feats.front_end import FrontEnd
from nnet.feats.options import FEATURE_OPTIONS
from nnet.locks import locked
from nnet.model.directory import save_config
from nnet.model.speaker_net import build_model
from nnet.model.weights import save_weights, weights_of
from nnet.ops import mx, nn
from nnet.pretrained import mlx_community, next_tdnn, pyannote, redimnet, speaker3d, tf_kaldi, wespeaker
from nnet.pretrained.checkpoint import Checkpoint, read_checkpoint

log = logging.getLogger(__name__)

# Configuration for fine-tuning; a checkpoint does not say how it was trained.
FINE_TUNING = {
    "data": {"batch_size": 64, "min_frames": 200, "max_frames": 300, "sampling": "utterance"},
    "loss": {"type": "additive_angular_margin", "margin": 0.2, "margin_end_epoch": 2},
    "optimizer": {"type": "momentum", "nesterov": True, "weight_decay": 0.0001},
    "schedule": {"type": "exponential", "learning_rate": 0.001, "final_learning_rate": 0.00005, "warmup_epochs": 1},
    "training": {"epochs": 5, "keep_checkpoints": 5},
}
TOOLKITS = {
    "wespeaker": wespeaker,
    "speaker3d": speaker3d,
    "pyannote": pyannote,
    "mlx_community": mlx_community,
    "next_tdnn": next_tdnn,
    "tf_kaldi": tf_kaldi,
    "redimnet": redimnet,
}


@dataclass
class Converted:
    """A SpeakerNet in eval mode with the checkpoint's weights, and the metadata of its model directory."""

    model: nn.Module
    config: Config
    input_dim: int
    feats_conf: dict | None
    toolkit: str


def convert(source, toolkit=None, feats_conf=None):
    """Reads a checkpoint of another toolkit.

    Args:
        source: the checkpoint file, the folder that holds it and the toolkit's settings, or a Checkpoint.
        toolkit: a key of TOOLKITS; None: detected from the file.
        feats_conf: how the features were computed, if the checkpoint does not say.

    Returns:
        Converted

    Raises:
        InputError: unreadable file, unknown toolkit or network, or tensors that do not match the network one to one.
    """
    checkpoint = source if isinstance(source, Checkpoint) else read_checkpoint(source)
    empty = [name for name, array in checkpoint.state.items() if not array.size]
    if empty:
        raise InputError(f"{checkpoint.path}: empty tensors: {', '.join(empty[:3])}")
    toolkit = toolkit or _recognize(checkpoint)
    mapping = TOOLKITS[toolkit].map_checkpoint(checkpoint)
    conf = _feats_conf_of(mapping, feats_conf, checkpoint.path)
    config = _configuration(mapping, conf, toolkit, checkpoint.path)
    model = build_model(config, mapping.input_dim)
    model.load_weights(list(place_weights(model, config.network.type, mapping, checkpoint.path).items()))
    model.eval()
    mx.eval(model.parameters())
    return Converted(model, config, mapping.input_dim, conf, toolkit)


def write_model_dir(converted, directory):
    """Writes a model directory, and the options of its features for steps/make_*.sh if they are known.

    config.json is written last: without it the folder is no model directory, and the conversion can be repeated.
    """
    conf = converted.feats_conf
    with locked(directory):
        save_weights(f"{directory}/model.safetensors", weights_of(converted.model))
        if conf:
            options = FEATURE_OPTIONS[conf["type"]].from_dict(conf["options"])
            write_conf(f"{directory}/{conf['type']}.conf", options, f"Features of {converted.toolkit}'s models.")
        save_config(directory, converted.config, converted.input_dim, None, conf)


def _configuration(mapping, conf, toolkit, path):
    note = (
        f"Converted from {toolkit}'s {os.path.basename(path)}; data, loss, optimizer, schedule and training are "
        "defaults for fine-tuning."
    )
    features = {"type": (conf or {}).get("type"), "dim": mapping.input_dim}
    return build_config({"note": note, "features": features} | FINE_TUNING | mapping.sections, path)


def _feats_conf_of(mapping, given, path):
    if mapping.feats_conf and given:
        raise InputError(f"{path}: the checkpoint already defines its features; omit --feats-conf")
    if given and FrontEnd(given).options.dim != mapping.input_dim:
        raise InputError(
            f"{path}: the network takes {mapping.input_dim} features per frame, not the "
            f"{FrontEnd(given).options.dim} of --feats-conf"
        )
    if not (mapping.feats_conf or given):
        log.warning(
            "%s: the checkpoint does not say which features it takes, or they cannot be computed here; the model will "
            "embed features, not recordings; --feats-conf FILE: the feats_conf.json of data like its training data",
            path,
        )
    return mapping.feats_conf or given


def _recognize(checkpoint):
    found = [name for name, toolkit in TOOLKITS.items() if toolkit.recognize(checkpoint)]
    if len(found) == 1:
        return found[0]
    problem = f"may come from {' or '.join(found)}" if found else "cannot tell which toolkit wrote it"
    raise InputError(f"{checkpoint.path}: {problem}; give --type {'|'.join(TOOLKITS)}")


def place_weights(model, network_type, mapping, path):
    """Assigns every tensor of the checkpoint to a weight of the model: dict from our weight name to array.

    Raises:
        InputError: names the weights without a tensor, the tensors without a weight, and shapes that differ.
    """
    state = {n: a for n, a in mapping.state.items() if not n.endswith("num_batches_tracked")}
    dropped = [n for n in state if n.startswith("projection.")]
    if dropped:
        log.info("%s: dropped the classifier of the training speakers: %s", path, ", ".join(dropped))
    left = {n: a for n, a in state.items() if n not in dropped}
    placed, faults = {}, []
    for name, weight in weights_of(model).items():
        theirs = mapping.name(name, network_type)
        if theirs not in left:
            faults.append(f"{theirs or name} is missing")
            continue
        array = mapping.layout(left.pop(theirs), weight.ndim)
        if array.shape != weight.shape:
            faults.append(f"{theirs} does not have the shape of {name}, {tuple(weight.shape)}")
        elif not np.isfinite(array).all():
            faults.append(f"{theirs} holds NaN or infinity")
        else:
            placed[name] = mx.array(array.astype(np.float32))
    faults += [f"{name} {left[name].shape} is not a weight of the network" for name in left]
    if faults:
        more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
        raise InputError(f"{path}: tensors do not match the network: {'; '.join(faults[:5])}{more}")
    return placed
