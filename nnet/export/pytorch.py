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
from nnet.pretrained.redimnet_names import to_wespeaker, with_first_aggregation
from nnet.pretrained.shapes import describe

log = logging.getLogger(__name__)

POOLINGS = {"statistics": "TSTP", "average": "TAP", "deviation": "TSDP", "channel_attention": "ASTP"}
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
    if config.network.type == "redimnet" and config.embedding.input_bn:
        name = "model.pt"  # the authors' own, which WeSpeaker does not have
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
    if kind.startswith("redimnet"):
        wespeaker = kind == "redimnet" and not config.embedding.input_bn
        state = to_wespeaker(state) if wespeaker else with_first_aggregation(state, kind)
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
    options, dim = config.network.options, config.embedding.dims[-1]
    names = {
        "tdnn": lambda: "XVEC",
        "resnet": lambda: f"ResNet{options.depth}",
        "ecapa_tdnn": lambda: f"ECAPA_TDNN{'_GLOB' * config.pooling.options.global_context}_c{options.channels}",
        "campplus": lambda: "CAMPPlus",
        "redimnet": lambda: "ReDimNet",
        "redimnet2": lambda: "ReDimNet2Wrap",
    }
    model_args = {"feat_dim": about["input_dim"], "embed_dim": dim, "pooling_func": POOLINGS[config.pooling.type]}
    if config.network.type == "resnet":
        model_args["two_emb_layer"] = len(config.embedding.dims) == 2
    if config.network.type.startswith("redimnet"):
        model_args |= _redimnet_args(config)
    return {
        "model": names[config.network.type](),
        "model_args": model_args,
        "dataset_args": _dataset_args((about["feats_conf"] or {}).get("options", {}), about),
    }


def _redimnet_args(config):
    """The arguments of WeSpeaker's ReDimNet and ReDimNet2Wrap, which have no names for sizes of one's own."""
    options = config.network.options
    second = config.network.type == "redimnet2"
    strides = list(zip(options.strides, options.time_strides, strict=True)) if second else options.strides
    rows = zip(strides, options.blocks, options.expansions, options.reductions, strict=True)
    blocks = {"convnext": "convnext_like", "basic": "basic_resnet", "gated": "basic_resnet_fwse"}
    arguments = {
        "C": options.channels,
        "block_1d_type": "conv+att",
        "block_2d_type": blocks[options.block],
        "stages_setup": [
            [list(stride) if second else stride, depth, expansion, [[3, 3]], reduction or None]
            for stride, depth, expansion, reduction in rows
        ],
        "group_divisor": options.group,
        "out_channels": options.out_channels or None,
        "global_context_att": getattr(config.pooling.options, "global_context", False),
    }
    if second:
        return arguments | {"return_2d_output": options.out_map, "emb_bn": config.embedding.last == "bn"}
    return arguments | {"two_emb_layer": len(config.embedding.dims) == 2}


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
