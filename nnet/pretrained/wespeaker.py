"""Reads WeSpeaker's models: `avg_model.pt` (averaged weights) and `config.yaml`."""

import logging
import os

from nnet.errors import InputError
from nnet.pretrained.checkpoint import settings_section
from nnet.pretrained.front_ends import wespeaker_front_end
from nnet.pretrained.mapping import CheckpointMapping
from nnet.pretrained.names import wespeaker_name
from nnet.pretrained.redimnet_names import tensors_and_names
from nnet.pretrained.shapes import describe

log = logging.getLogger(__name__)


def recognize(checkpoint):
    """Returns whether the settings or the file name are WeSpeaker's."""
    return "model_args" in checkpoint.settings or os.path.basename(checkpoint.path) == "avg_model.pt"


def map_checkpoint(checkpoint):
    """Returns the CheckpointMapping of a checkpoint of this kind."""
    if not checkpoint.settings:
        log.warning(
            "%s: no config.yaml beside it or in the folder above models/; WeSpeaker's defaults are assumed: 16 kHz, "
            "frames of 25 ms every 10 ms",
            checkpoint.path,
        )
    arguments = settings_section(checkpoint.settings, "model_args", checkpoint.path)
    # CAM++ registers its pooling twice.
    state = {name: array for name, array in checkpoint.state.items() if not name.startswith("xvector.stats.")}
    sections, input_dim = describe(state, checkpoint.path, arguments.get("pooling_func"))
    for key in ("feat_dim", "acoustic_dim"):  # the latter in SimAM-ResNets
        told = arguments.get(key, input_dim)
        if told != input_dim:
            raise InputError(
                f"{checkpoint.path}: the weights take {input_dim} features per frame, but config.yaml has {key} {told}"
            )
    feats_conf = wespeaker_front_end(checkpoint.path, input_dim, checkpoint.settings)
    if sections["network"]["type"].startswith("redimnet"):
        _check_redimnet(checkpoint.path, arguments)
        return CheckpointMapping(sections, input_dim, feats_conf, *tensors_and_names(state))
    return CheckpointMapping(sections, input_dim, feats_conf, state, wespeaker_name)


def _check_redimnet(path, arguments):
    """Refuses arguments of WeSpeaker's ReDimNets that change the result and leave no trace in the weights."""
    for name in ("pad_right_samples", "before_pool_offset"):
        if arguments.get(name):
            raise InputError(f"{path}: {name} in model_args of config.yaml is not supported")
    if arguments.get("block_2d_type") == "convnext_like_relu":
        raise InputError(f"{path}: block_2d_type convnext_like_relu in model_args of config.yaml is not supported")
