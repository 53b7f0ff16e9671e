"""Reads the checkpoints of ReDimNet's and ReDimNet2's authors."""

from nnet.pretrained import wespeaker
from nnet.pretrained.front_ends import redimnet_front_end
from nnet.pretrained.mapping import CheckpointMapping
from nnet.pretrained.redimnet_names import tensors_and_names
from nnet.pretrained.shapes import describe


def recognize(checkpoint):
    """Returns whether the weights have the authors' names, in a file that is not WeSpeaker's."""
    authors = {"backbone.stem.0.weight", "linear.weight"} <= checkpoint.state.keys()
    return authors and not wespeaker.recognize(checkpoint)


def map_checkpoint(checkpoint):
    """Returns the CheckpointMapping of a checkpoint of this kind, without feats_conf unless the file says."""
    sections, input_dim = describe(checkpoint.state, checkpoint.path)
    feats_conf = redimnet_front_end(checkpoint.path, input_dim, checkpoint.model_config)
    return CheckpointMapping(sections, input_dim, feats_conf, *tensors_and_names(checkpoint.state))
