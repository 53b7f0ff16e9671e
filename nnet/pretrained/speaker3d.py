"""Reads 3D-Speaker's models: CAM++, ResNet, Res2Net, ERes2Net and ERes2NetV2."""

import os

from nnet.pretrained.front_ends import speaker3d_front_end
from nnet.pretrained.mapping import CheckpointMapping
from nnet.pretrained.names import their_name, wespeaker_name
from nnet.pretrained.shapes import PLAIN_DEVIATION, describe

# Options of 3D-Speaker's statistics pooling by network type.
POOLING = {"campplus": PLAIN_DEVIATION} | dict.fromkeys(("resnet", "res2net", "eres2net", "eres2netv2"), {"eps": 1e-8})


def recognize(checkpoint):
    """Returns whether the settings or the file name are those of 3D-Speaker or of its ModelScope releases."""
    name = os.path.basename(checkpoint.path)
    settings = "embedding_model" in checkpoint.settings or checkpoint.settings.get("task") == "speaker-verification"
    released = name.removeprefix("pretrained_").startswith(("campplus_", "eres2net", "res2net"))
    return settings or released or name == "embedding_model.ckpt"


def map_checkpoint(checkpoint):
    """Returns the CheckpointMapping of a checkpoint of this kind.

    WeSpeaker packs some of 3D-Speaker's models in its own names, beside a config.yaml that does not describe their
    features.
    """
    state = {_unwrapped_name(name): array for name, array in checkpoint.state.items()}
    sections, input_dim = describe(state, checkpoint.path, "TSTP")
    sections["pooling"] |= POOLING.get(sections["network"]["type"], {})
    settings = {} if "model_args" in checkpoint.settings else checkpoint.settings
    feats_conf = speaker3d_front_end(checkpoint.path, input_dim, settings)
    name = wespeaker_name if "layer3.0.conv2_1.weight" in state else their_name
    return CheckpointMapping(sections, input_dim, feats_conf, state, name)


def _unwrapped_name(name):
    # Some of ModelScope's releases wrap the network in a module of this name.
    return name.removeprefix("embedding_model.")
