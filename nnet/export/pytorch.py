"""A model of this toolkit as a PyTorch checkpoint in the names of WeSpeaker, 3D-Speaker or NeXt-TDNN's authors."""

import logging
import os
from dataclasses import replace

import numpy as np
import yaml

from nnet.config import build_config
from nnet.config.compare import differing_keys
from nnet.errors import InputError
from nnet.export.torch_writer import write_torch_state
from nnet.feats.front_end import feature_options
from nnet.feats.options import MelOptions
from nnet.feats.prepare import INCIDENTAL
from nnet.files import atomic_write, make_directory
from nnet.model.weights import weights_of
from nnet.networks.df_resnet import DfResNetOptions
from nnet.networks.ecapa_tdnn import EcapaTdnnOptions
from nnet.networks.eres2net import ERes2NetOptions
from nnet.networks.repvgg import VARIANTS, RepVggOptions
from nnet.networks.res2net import Res2NetOptions
from nnet.networks.resnet import ResNetOptions
from nnet.pretrained.front_ends import speaker3d_front_end, wespeaker_front_end
from nnet.pretrained.layouts import to_torch
from nnet.pretrained.names import RULES, their_dims, their_name, wespeaker_name
from nnet.pretrained.redimnet_names import to_wespeaker, with_first_aggregation
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

# WeSpeaker's names of the networks that it has in some sizes only.
SIZES = {
    "df_resnet": {
        DfResNetOptions((3, 3, 9, 3)): "Gemini_DF_ResNet60",
        DfResNetOptions((3, 3, 27, 3)): "Gemini_DF_ResNet114",
        DfResNetOptions((3, 8, 45, 3)): "Gemini_DF_ResNet183",
        DfResNetOptions((3, 8, 63, 3)): "Gemini_DF_ResNet237",
    },
    "res2net": {Res2NetOptions(32): "Res2Net34_Base", Res2NetOptions(64): "Res2Net34_Large"},
    "eres2net": {
        ERes2NetOptions(32): "ERes2Net34_Base",
        ERes2NetOptions(64): "ERes2Net34_Large",
        ERes2NetOptions(64, base_width=24, scale=3, expansion=4): "ERes2Net34_aug",
    },
    "eres2netv2": {},
}
# And whether it has a network of these options, for those whose sizes are arguments or a part of the name.
MADE = {
    "tdnn": lambda options: len(set(options.dims[:-1])) == 1,
    "resnet": lambda options: options.channels == ResNetOptions.channels,
    "simam_resnet": lambda options: options.depth in (34, 100),
    "ecapa_tdnn": lambda options: (
        options.channels in (512, 1024) and replace(options, channels=512) == EcapaTdnnOptions()
    ),
    "campplus": lambda options: (options.blocks, options.head_channels) == ((12, 24, 16), 32),
    "repvgg": lambda options: options.base_width == RepVggOptions.base_width,
}
# The width of the scoring network in WeSpeaker's poolings.
HIDDEN = {"channel_attention": 128, "attentive_statistics": 128, "posterior": 256}
CONTEXT = ("ecapa_tdnn", "redimnet", "redimnet2")  # networks whose channel attention can see the utterance's statistics


# Whose networks these are, by type; the others are WeSpeaker's.
OTHER_OWNERS = {"next_tdnn": "the authors' NeXt-TDNN"}


def write_torch(directory, model, config, about, source):
    """Writes a checkpoint and its settings into a folder; returns the checkpoint's path.

    It is avg_model.pt with WeSpeaker's config.yaml where features and network are WeSpeaker's, embedding_model.ckpt
    where they are 3D-Speaker's, and model.pt alone where they are neither's, or the network is a NeXt-TDNN.

    Args:
        directory: the folder.
        model, config, about: as `nnet.model.directory.load_speaker_net` gives them.
        source: names the model in errors.

    Raises:
        InputError: the other toolkit has no such network, or its file would be read as another one.
    """
    name = _name_of_checkpoint(config, about)
    state = torch_state(model, config, source, their_name if name == "embedding_model.ckpt" else wespeaker_name)
    if name != "avg_model.pt" and config.pooling.type in ("average", "deviation"):
        raise InputError(
            f"{source}: {name} cannot say that the pooling is {config.pooling.type}, and would be read as statistics"
        )
    make_directory(directory)
    if name == "avg_model.pt":
        with atomic_write(os.path.join(directory, "config.yaml")) as file:
            yaml.safe_dump(wespeaker_settings(config, about), file, sort_keys=False)
    write_torch_state(os.path.join(directory, name), state)
    return os.path.join(directory, name)


def torch_state(model, config, source, name_of):
    """Their name → numpy array in PyTorch's layout, of every weight of a SpeakerNet; see `write_torch`.

    name_of: `their_name` or `wespeaker_name`.
    """
    kind = config.network.type
    names = {name: name_of(name, kind) if kind in RULES else None for name in weights_of(model)}
    strange = [name for name, theirs in names.items() if theirs is None]
    if strange:
        raise InputError(f"{_no_such_network(kind, source)}: it has no counterpart of {', '.join(strange[:3])}")
    state = {}
    for name, weight in weights_of(model).items():
        theirs, array = names[name], np.array(weight)
        state[theirs] = to_torch(array, their_dims(theirs, array.ndim, kind))
    if kind.startswith("redimnet"):
        named = kind == "redimnet" and not _is_authors_redimnet(config)
        state = to_wespeaker(state) if named else with_first_aggregation(state, kind)
    _check_same(config, model.node, state, source)
    if kind == "campplus":  # where the pooling is registered twice
        state |= {n.replace("pool.", "xvector.stats.", 1): a for n, a in state.items() if n.startswith("pool.")}
    return state


def _check_same(config, node, state, source):
    """Reading the weights as a checkpoint of theirs must give the very network again."""
    kind = config.network.type
    sections, _ = describe(state, source, POOLINGS.get(config.pooling.type))
    read, own = build_config(sections, source).to_dict(), config.to_dict()
    keys = [f"{s}.{k}" for s in ("network", "pooling", "embedding") for k in differing_keys(own[s], read[s])]
    keys = [key for key in keys if key not in CONSTANTS]
    if node != "output":
        raise InputError(f"{_no_such_network(kind, source)}: the embedding is {node}, theirs is the last layer")
    if keys:
        raise InputError(f"{_no_such_network(kind, source)}: theirs differs in {', '.join(keys)}")


def _no_such_network(kind, source):
    return f"{source}: {OTHER_OWNERS.get(kind, 'WeSpeaker')} has no such network"


def wespeaker_settings(config, about):
    """The content of WeSpeaker's config.yaml for a model."""
    return {
        "model": _model_name(config),
        "model_args": _model_args(config, about["input_dim"]),
        "dataset_args": _dataset_args(about["feats_conf"], about["input_dim"]),
    }


def _model_name(config):
    """The name of the function that makes the network in WeSpeaker."""
    options, posterior = config.network.options, config.pooling.type == "posterior"
    names = {
        "tdnn": lambda: "XVEC",
        "resnet": lambda: f"ResNet{options.depth}",
        "simam_resnet": lambda: f"SimAM_ResNet{options.depth}_ASP",
        "ecapa_tdnn": lambda: f"{'XI_VEC_' * posterior}ECAPA_TDNN{_context(config)}_c{options.channels}",
        "campplus": lambda: "CAMPPlus",
        "repvgg": lambda: f"REPVGG_{options.variant}",
        "redimnet": lambda: "ReDimNet",
        "redimnet2": lambda: "ReDimNet2Wrap",
    }
    kind = config.network.type
    return SIZES[kind][options] if kind in SIZES else names[kind]()


def _context(config):
    return "_GLOB" if getattr(config.pooling.options, "global_context", False) else ""


def _model_args(config, input_dim):
    """The arguments of that function."""
    kind, options, dim = config.network.type, config.network.options, config.embedding.dims[-1]
    if kind == "simam_resnet":
        return {"in_planes": options.channels, "embed_dim": dim, "acoustic_dim": input_dim}
    arguments = {"feat_dim": input_dim, "embed_dim": dim, "pooling_func": POOLINGS[config.pooling.type]}
    if kind in ("resnet", "df_resnet", "res2net", "eres2net"):
        arguments["two_emb_layer"] = len(config.embedding.dims) == 2
    if kind == "tdnn":
        arguments |= {"hid_dim": options.dims[0], "stats_dim": options.dims[-1]}
    if kind == "ecapa_tdnn":
        arguments["emb_bn"] = config.embedding.last == "bn"
    if kind == "campplus":
        arguments |= {"growth_rate": options.growth, "bn_size": options.bn_size, "init_channels": options.init_channels}
    if kind == "repvgg":
        arguments |= {"deploy": options.fused, "use_se": VARIANTS[options.variant].gate}
    if kind.startswith("redimnet"):
        arguments |= _redimnet_args(config)
    return arguments


def _is_wespeakers_size(config):
    """Returns whether WeSpeaker makes a network and pooling of these sizes."""
    kind, options, pooling = config.network.type, config.network.options, config.pooling
    dims, hidden = config.embedding.dims, HIDDEN.get(pooling.type)
    if len(set(dims)) > 1 or (kind == "tdnn" and len(dims) != 2):  # two layers are of one width, XVEC has always two
        return False
    if hidden and pooling.options.hidden_dim != hidden:
        return False
    if pooling.type == "posterior" and kind not in ("tdnn", "campplus", *CONTEXT):  # it takes no maps
        return False
    if _context(config) and kind not in CONTEXT:
        return False
    return options in SIZES[kind] if kind in SIZES else MADE.get(kind, lambda _: True)(options)


def _is_authors_redimnet(config):
    """Returns whether it is a ReDimNet with batch normalization after the pooling, which WeSpeaker's does not have."""
    return config.network.type == "redimnet" and config.embedding.input_bn


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


def _dataset_args(conf, bins):
    """How WeSpeaker describes a feats_conf, or None."""
    options = (conf or {}).get("options", {})
    rate = {"resample_rate": int(options.get("sample_frequency", 16000))}
    if conf and conf["type"] == "mel":
        # Their front end subtracts the mean itself; `cmvn` would subtract that of the bins of each frame.
        return rate | {"frontend": "tfmel", "cmvn": False, "tfmel_args": _tfmel_args(conf)}
    fbank = {"num_mel_bins": bins, "dither": 0.0}
    return rate | {"fbank_args": fbank | {k: options[k] for k in ("frame_length", "frame_shift") if k in options}}


def _tfmel_args(conf):
    options = MelOptions.from_dict(conf["options"])
    return {
        "n_mels": options.num_mel_bins,
        "hop_length": options.window_shift,
        "win_length": options.window_size,
        "n_fft": options.fft_size,
        "f_min": options.low_freq,
        "f_max": options.highest,
        "do_preemph": options.preemphasis_coefficient > 0,
        "norm_signal": options.normalize_signal,
        "eps": options.offset,
    }


def _name_of_checkpoint(config, about):
    """The file name by which `convert_checkpoint` knows the front end that goes with the weights."""
    conf, bins = about["feats_conf"], about["input_dim"]
    if config.network.type in OTHER_OWNERS or _is_authors_redimnet(config):
        return "model.pt"
    if conf and conf["type"] == ("mel" if config.network.type == "redimnet2" else "fbank"):
        if conf["type"] == "mel":
            conf = conf | {"options": conf["options"] | {"high_freq": MelOptions.from_dict(conf["options"]).highest}}
        rate = {"sample_rate": int(feature_options(conf).sample_frequency)}
        theirs = {}
        if config.pooling.type in ("statistics", "average", "deviation"):
            theirs["embedding_model.ckpt"] = speaker3d_front_end("", bins, rate)
        if _is_wespeakers_size(config):
            settings = {"dataset_args": _dataset_args(conf, bins)}
            theirs["avg_model.pt"] = wespeaker_front_end("", bins, settings)
        for name, front_end in theirs.items():
            keys = [key.removeprefix("options.") for key in differing_keys(conf, front_end)]
            if not set(keys) - INCIDENTAL - {"vad"}:
                return name
    log.info("features and network are neither WeSpeaker's nor 3D-Speaker's: model.pt has weights alone")
    return "model.pt"
