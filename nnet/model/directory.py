"""Reads and writes model directories: config.json, model.safetensors (best weights), checkpoints/, spk2int, log.jsonl.

A checkpoint is a folder checkpoints/epoch-NNNN (after that many epochs) or checkpoints/epoch-NNNN-step-NNNNNNNN (within
the next one) with weights.safetensors, optimizer.safetensors, ema.safetensors and state.json.
"""

import os
import re

from nnet.config import build_config
from nnet.datadir.directory import check_feats_conf
from nnet.errors import InputError
from nnet.files import check_entries, read_json, write_json
from nnet.model.hub import find_model
from nnet.model.speaker_net import TRAINING_ONLY, build_model
from nnet.model.weights import load_weights, read_weights
from nnet.ops import mx
from nnet.options import INT32_LIMIT

SPEAKER, SEGMENTATION = "speaker", "segmentation"  # kinds of models; `nnet.model.segmentation` reads the latter

# Entries of `model` in config.json.
ABOUT = {"input_dim": int, "num_speakers": (int, type(None)), "feats_conf": (dict, type(None))}


def save_config(directory, config, input_dim, num_speakers, feats_conf):
    """Writes MODELDIR/config.json: the resolved configuration, and input_dim, num_speakers and feats_conf."""
    values = config.to_dict()
    values["model"] = {"input_dim": input_dim, "num_speakers": num_speakers, "feats_conf": feats_conf}
    write_json(os.path.join(directory, "config.json"), values, durable=True)


def kind_of(directory):
    """Returns the kind of a model directory: SPEAKER, whose config.json does not say it, or what it says.

    Raises:
        InputError: not a model directory, or a damaged config.json.
    """
    path = os.path.join(directory, "config.json")
    if not os.path.exists(path):
        raise InputError(f"{directory}: not a model directory: no config.json in it")
    return read_json(path).get("kind", SPEAKER)


def read_config(directory):
    """Reads config.json: (Config, dict with input_dim, num_speakers and feats_conf).

    Raises:
        InputError: not the directory of a speaker model, or a damaged config.json.
    """
    path = os.path.join(directory, "config.json")
    if (kind := kind_of(directory)) != SPEAKER:
        raise InputError(f"{path}: a {kind} model, which gives no embeddings; a speaker model is needed here")
    values = read_json(path)
    check_entries(values, {"model": dict}, path)
    about = values.pop("model")
    check_entries(about, ABOUT, f"{path}: model")
    if not 1 <= about["input_dim"] < INT32_LIMIT:
        raise InputError(f"{path}: model: input_dim must be at least 1 and of 32 bits, not {about['input_dim']}")
    if about["feats_conf"] is not None:
        check_feats_conf(about["feats_conf"], f"{path}: model: feats_conf")
    return build_config(values, path), about


def load_speaker_net(directory, checkpoint="best"):
    """Loads a trained SpeakerNet in eval mode, without its loss.

    Args:
        directory: a model directory, or a name for `nnet.model.hub.find_model`.
        checkpoint: "best" (model.safetensors), "last", or the number of an epoch whose checkpoint was kept.

    Returns:
        (SpeakerNet, Config, dict), the latter two as from `read_config`

    Raises:
        InputError: no such checkpoint, or weights that do not match the configuration.
    """
    directory = find_model(directory)
    config, about = read_config(directory)
    model = build_model(config, about["input_dim"])
    path = weights_path(directory, checkpoint)
    weights = {n: w for n, w in read_weights(path).items() if not n.startswith(TRAINING_ONLY)}
    load_weights(model, weights, path)
    model.eval()
    mx.eval(model.parameters())
    return model, config, about


def weights_path(directory, checkpoint):
    """Returns the path of the weights of a checkpoint: "best", "last" or a number of epochs.

    Raises:
        InputError: something else, or the checkpoint is not there.
    """
    if checkpoint == "best":
        return os.path.join(directory, "model.safetensors")
    folders = kept = list_checkpoints(directory)
    if checkpoint != "last":
        number = int(checkpoint) if str(checkpoint).isdecimal() else -1
        folders = [f for f in kept if os.path.basename(f) == f"epoch-{number:04d}"]
    if not folders:
        names = ", ".join(map(os.path.basename, kept)) or "none"
        raise InputError(
            f"{directory}: no checkpoint {checkpoint}: give best, last or a number of epochs; kept: {names}"
        )
    return os.path.join(folders[-1], "weights.safetensors")


def list_checkpoints(directory):
    """Returns the paths of the checkpoint folders of a model directory, oldest first."""
    folder = os.path.join(directory, "checkpoints")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [os.path.join(folder, n) for n in sorted(names) if re.fullmatch(r"epoch-\d{4,}(-step-\d{8})?", n)]
