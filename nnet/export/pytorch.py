"""A model of this toolkit as a PyTorch checkpoint in WeSpeaker's or 3D-Speaker's names."""

import logging
import os

import numpy as np
import yaml

from nnet.config import build_config
from nnet.config.compare import differing_keys
from nnet.errors import InputError
from nnet.export.torch_writer import write_torch_state
from nnet.feats.prepare import INCIDENTAL
from nnet.files import atomic_write, make_directory
from nnet.model.weights import weights_of
from nnet.pretrained.front_ends import speaker3d_front_end, wespeaker_front_end
from nnet.pretrained.layouts import to_torch
from nnet.pretrained.names import RULES, their_dims, their_name
from nnet.pretrained.shapes import describe

log = logging.getLogger(__name__)

POOLINGS = {
    "statistics": "TSTP",
    "average": "TAP",
    "deviation": "TSDP",
    "channel_attention": "ASTP",
    "attentive_statistics": "ASP",
    "posterior": "XI",
}
# What a checkpoint does not hold: their own constants stand in its place, or they play no part in an embedding.
CONSTANTS = {f"pooling.{name}" for name in ("eps", "floor")}
CONSTANTS |= {f"embedding.{name}" for name in ("bn_eps", "bn_momentum", "slope", "node")}


def write_torch(directory, model, config, about, source):
    """Writes a checkpoint and its settings into a folder; returns the checkpoint's path.

    It is avg_model.pt with WeSpeaker's config.yaml where the features are WeSpeaker's, embedding_model.ckpt where they
    are 3D-Speaker's, and model.pt alone where they are neither's.

    Args:
        directory: the folder.
        model, config, about: as `nnet.model.directory.load_speaker_net` gives them.
        source: names the model in errors.

    Raises:
        InputError: WeSpeaker has no such network.
    """
    state = torch_state(model, config, source)
    settings = wespeaker_settings(config, about)
    name = _name_of_checkpoint(about["feats_conf"], about["input_dim"], settings)
    make_directory(directory)
    if name == "avg_model.pt":
        with atomic_write(os.path.join(directory, "config.yaml")) as file:
            yaml.safe_dump(settings, file, sort_keys=False)
    write_torch_state(os.path.join(directory, name), state)
    return os.path.join(directory, name)


def torch_state(model, config, source):
    """Their name → numpy array in PyTorch's layout, of every weight of a SpeakerNet; see `write_torch`."""
    kind = config.network.type
    names = {name: their_name(name, kind) if kind in RULES else None for name in weights_of(model)}
    strange = [name for name, theirs in names.items() if theirs is None]
    if strange:
        raise InputError(f"{source}: WeSpeaker has no such network: nothing there is called {', '.join(strange[:3])}")
    state = {}
    for name, weight in weights_of(model).items():
        theirs, array = names[name], np.array(weight)
        state[theirs] = to_torch(array, their_dims(theirs, array.ndim, kind))
    _check_same(config, model.node, state, source)
    return state


def _check_same(config, node, state, source):
    """Reading the weights as a checkpoint of theirs must give the very network again."""
    sections, _ = describe(state, source, POOLINGS.get(config.pooling.type))
    read, own = build_config(sections, source).to_dict(), config.to_dict()
    keys = [f"{s}.{k}" for s in ("network", "pooling", "embedding") for k in differing_keys(own[s], read[s])]
    keys = [key for key in keys if key not in CONSTANTS]
    if node != "output":
        raise InputError(f"{source}: WeSpeaker has no such network: the embedding is {node}, theirs is the last layer")
    if keys:
        raise InputError(f"{source}: WeSpeaker has no such network: theirs differs in {', '.join(keys)}")


def wespeaker_settings(config, about):
    """The content of WeSpeaker's config.yaml for a model."""
    return {
        "model": _model_name(config),
        "model_args": _model_args(config, about["input_dim"]),
        "dataset_args": _dataset_args((about["feats_conf"] or {}).get("options", {}), about),
    }


def _model_name(config):
    """The name of the function that makes the network in WeSpeaker."""
    options, posterior = config.network.options, config.pooling.type == "posterior"
    names = {
        "tdnn": lambda: "XI_VEC_XVEC" if posterior else "XVEC",
        "resnet": lambda: f"ResNet{options.depth}",
        "simam_resnet": lambda: f"SimAM_ResNet{options.depth}_ASP",
        # Three convolutions a block; one a stage, the stem and the embedding layer.
        "df_resnet": lambda: f"Gemini_DF_ResNet{3 * sum(options.blocks) + 6}",
        "ecapa_tdnn": lambda: f"{'XI_VEC_' * posterior}ECAPA_TDNN{_context(config)}_c{options.channels}",
        "campplus": lambda: "CAMPPlus",
    }
    return names[config.network.type]()


def _context(config):
    return "_GLOB" if getattr(config.pooling.options, "global_context", False) else ""


def _model_args(config, input_dim):
    """The arguments of that function."""
    dim = config.embedding.dims[-1]
    if config.network.type == "simam_resnet":
        return {"in_planes": config.network.options.channels, "embed_dim": dim, "acoustic_dim": input_dim}
    arguments = {"feat_dim": input_dim, "embed_dim": dim, "pooling_func": POOLINGS[config.pooling.type]}
    if config.network.type in ("resnet", "df_resnet"):
        arguments["two_emb_layer"] = len(config.embedding.dims) == 2
    return arguments


def _dataset_args(options, about):
    fbank = {"num_mel_bins": about["input_dim"], "dither": 0.0}
    fbank |= {key: options[key] for key in ("frame_length", "frame_shift") if key in options}
    return {"resample_rate": int(options.get("sample_frequency", 16000)), "fbank_args": fbank}


def _name_of_checkpoint(conf, bins, settings):
    """The file name by which `convert_checkpoint` knows the front end that goes with the weights."""
    if conf and conf["type"] == "fbank":
        rate = {"sample_rate": int(conf["options"]["sample_frequency"])}
        theirs = {
            "avg_model.pt": wespeaker_front_end("", bins, settings),
            "embedding_model.ckpt": speaker3d_front_end("", bins, rate),
        }
        for name, front_end in theirs.items():
            keys = [key.removeprefix("options.") for key in differing_keys(conf, front_end)]
            if not set(keys) - INCIDENTAL - {"vad"}:
                return name
    log.info("the features are neither WeSpeaker's nor 3D-Speaker's: model.pt has weights alone")
    return "model.pt"
