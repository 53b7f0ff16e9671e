"""Reads WeSpeaker's models: `avg_model.pt` (averaged weights) and `config.yaml`."""

import os

from nnet.errors import InputError
from nnet.pretrained.checkpoint import settings_section
from nnet.pretrained.front_ends import wespeaker_front_end
from nnet.pretrained.mapping import CheckpointMapping
from nnet.pretrained.names import wespeaker_name
from nnet.pretrained.redimnet_names import tensors_and_names
from nnet.pretrained.shapes import describe


def recognize(checkpoint):
    """Returns whether the settings or the file name are WeSpeaker's."""
    return "model_args" in checkpoint.settings or os.path.basename(checkpoint.path) == "avg_model.pt"


def map_checkpoint(checkpoint):
    """Returns the CheckpointMapping of a checkpoint of this kind."""
    arguments = settings_section(checkpoint.settings, "model_args", checkpoint.path)
    sections, input_dim = describe(checkpoint.state, checkpoint.path, arguments.get("pooling_func"))
    for key in ("feat_dim", "acoustic_dim"):  # the latter in SimAM-ResNets
        told = arguments.get(key, input_dim)
        if told != input_dim:
            raise InputError(
                f"{checkpoint.path}: the weights take {input_dim} features per frame, but config.yaml has {key} {told}"
            )
    feats_conf = wespeaker_front_end(checkpoint.path, input_dim, checkpoint.settings)
    if sections["network"]["type"].startswith("redimnet"):
        return CheckpointMapping(sections, input_dim, feats_conf, *tensors_and_names(checkpoint.state))
    return CheckpointMapping(sections, input_dim, feats_conf, checkpoint.state, wespeaker_name)
