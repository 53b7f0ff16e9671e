"""Reads 3D-Speaker's models: CAM++ and ResNet, with WeSpeaker's parameter names."""

import os

from nnet.pretrained.front_ends import speaker3d_front_end
from nnet.pretrained.mapping import CheckpointMapping
from nnet.pretrained.shapes import PLAIN_DEVIATION, describe

# Options of 3D-Speaker's statistics pooling by network type.
POOLING = {"campplus": PLAIN_DEVIATION, "resnet": {"eps": 1e-8}}


def recognize(checkpoint):
    """Returns whether the settings or the file name are those of 3D-Speaker or of its ModelScope releases."""
    name = os.path.basename(checkpoint.path)
    settings = "embedding_model" in checkpoint.settings or checkpoint.settings.get("task") == "speaker-verification"
    return settings or name == "embedding_model.ckpt" or name.startswith("campplus_")


def map_checkpoint(checkpoint):
    """Returns the CheckpointMapping of a checkpoint of this kind."""
    state = {_unwrapped_name(name): array for name, array in checkpoint.state.items()}
    sections, input_dim = describe(state, checkpoint.path)
    sections["pooling"] |= POOLING.get(sections["network"]["type"], {})
    feats_conf = speaker3d_front_end(checkpoint.path, input_dim, checkpoint.settings)
    return CheckpointMapping(sections, input_dim, feats_conf, state)


def _unwrapped_name(name):
    # Some of ModelScope's releases wrap the network in a module of this name.
    return name.removeprefix("embedding_model.")
