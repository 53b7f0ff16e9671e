"""Another toolkit's checkpoint as a model of this one."""

import logging
import os
from dataclasses import dataclass

import numpy as np

from nnet.config import Config, build_config
from nnet.errors import InputError
from nnet.feats.conf import write_conf
from nnet.feats.front_end import FrontEnd
from nnet.feats.options import FEATURE_OPTIONS
from nnet.files import make_directory
from nnet.model.directory import save_config
from nnet.model.speaker_net import build_model
from nnet.model.weights import save_weights, weights_of
from nnet.ops import mx, nn
from nnet.pretrained import mlx_community, pyannote, speaker3d, tf_kaldi, wespeaker
from nnet.pretrained.source import open_source

log = logging.getLogger(__name__)

# What fine-tuning starts with; a checkpoint does not tell how it was trained.
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
    "tf_kaldi": tf_kaldi,
}


@dataclass
class Converted:
    """A SpeakerNet with a checkpoint's weights in eval mode, and what a model directory says of it."""

    model: nn.Module
    config: Config
    input_dim: int
    feats_conf: dict | None
    toolkit: str


def convert(path, toolkit=None, feats_conf=None):
    """Reads a checkpoint of another toolkit.

    Args:
        path: its file, or the folder with it and its settings.
        toolkit: one of TOOLKITS; None finds out.
        feats_conf: how the features were made, where the checkpoint does not tell.

    Raises:
        InputError: unreadable, of no known toolkit or network, or with tensors that do not all find their place.
    """
    source = open_source(path)
    empty = [name for name, array in source.state.items() if not array.size]
    if empty:
        raise InputError(f"{source.path}: tensors without a number: {', '.join(empty[:3])}")
    toolkit = toolkit or _recognise(source)
    reading = TOOLKITS[toolkit].read(source)
    config = _configuration(reading, toolkit, source.path)
    model = build_model(config, reading.input_dim)
    model.load_weights(list(_place(model, config.network.type, reading, source.path).items()))
    model.eval()
    mx.eval(model.parameters())
    return Converted(model, config, reading.input_dim, _front_end(reading, feats_conf, source.path), toolkit)


def write_model_dir(converted, directory):
    """Writes a model directory, with a file of its features' options for steps/make_fbank.sh where they are known.

    model.safetensors is last, so that a killed process leaves no model.
    """
    make_directory(directory)
    conf = converted.feats_conf
    if conf:
        options = FEATURE_OPTIONS[conf["type"]].from_dict(conf["options"])
        write_conf(f"{directory}/{conf['type']}.conf", options, f"The features of {converted.toolkit}'s models.")
    save_config(directory, converted.config, converted.input_dim, None, conf)
    save_weights(f"{directory}/model.safetensors", weights_of(converted.model))


def _configuration(reading, toolkit, path):
    note = (
        f"Converted from {toolkit}'s {os.path.basename(path)}; data, loss, optimizer, schedule and training are those "
        "that fine-tuning begins with."
    )
    features = {"type": (reading.feats_conf or {}).get("type"), "dim": reading.input_dim}
    return build_config({"note": note, "features": features} | FINE_TUNING | reading.sections, path)


def _front_end(reading, given, path):
    if reading.feats_conf and given:
        raise InputError(f"{path}: the checkpoint tells how its features are made; leave --feats-conf out")
    if given and FrontEnd(given).options.dim != reading.input_dim:
        raise InputError(f"{path}: takes {reading.input_dim} features a frame, --feats-conf makes another number")
    if not (reading.feats_conf or given):
        log.warning("%s: how its features are made is not known; --feats-conf says it", path)
    return reading.feats_conf or given


def _recognise(source):
    found = [name for name, toolkit in TOOLKITS.items() if toolkit.recognise(source)]
    if len(found) == 1:
        return found[0]
    of = f"could be of {' or '.join(found)}" if found else "of which toolkit is not to be seen"
    raise InputError(f"{source.path}: {of}; say --type {'|'.join(TOOLKITS)}")


def _place(model, network_type, reading, path):
    """Our name → array for every weight of the model; every tensor of the reading finds its place or is named."""
    state = {n: a for n, a in reading.state.items() if not n.endswith("num_batches_tracked")}
    dropped = [n for n in state if n.startswith("projection.")]
    if dropped:
        log.info("%s: the classifier of the training speakers is left out: %s", path, ", ".join(dropped))
    left = {n: a for n, a in state.items() if n not in dropped}
    placed, faults = {}, []
    for name, weight in weights_of(model).items():
        theirs = reading.name(name, network_type)
        if theirs not in left:
            faults.append(f"{theirs or name} is missing")
            continue
        array = reading.layout(left.pop(theirs), weight.ndim)
        if array.shape != weight.shape:
            faults.append(f"{theirs} has a shape that does not fit {name} {tuple(weight.shape)}")
        elif not np.isfinite(array).all():
            faults.append(f"{theirs} is not finite")
        else:
            placed[name] = mx.array(array.astype(np.float32))
    faults += [f"{name} {left[name].shape} has no place" for name in left]
    if faults:
        more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
        raise InputError(f"{path}: not every tensor fits: {'; '.join(faults[:5])}{more}")
    return placed
