"""Reads the checkpoints of NeXt-TDNN's authors (github.com/dmlguq456/NeXt_TDNN_ASV): the state of a Lightning module.

All their configurations have the same features, torchaudio's mel spectra with the mean of the utterance subtracted. A
file without their front end was not written by them, and may be of other features.
"""

from nnet.pretrained.front_ends import mel_front_end
from nnet.pretrained.mapping import CheckpointMapping
from nnet.pretrained.shapes import describe

PREFIX = "speaker_net."
NOT_THE_NETWORK = ("feature_extractor.", "loss_function.")  # a fixed front end; the training speakers' classifier


def recognize(checkpoint):
    """Returns whether the weights have the authors' names."""
    return any(name.removeprefix(PREFIX) == "model.stem.0.0.weight" for name in checkpoint.state)


def map_checkpoint(checkpoint):
    """Returns the CheckpointMapping of a checkpoint of this kind."""
    plain = {name.removeprefix(PREFIX): array for name, array in checkpoint.state.items()}
    state = {PREFIX + name: array for name, array in plain.items() if not name.startswith(NOT_THE_NETWORK)}
    sections, input_dim = describe(state, checkpoint.path)
    theirs = any(name.startswith(NOT_THE_NETWORK[0]) for name in plain)
    feats_conf = mel_front_end(checkpoint.path, input_dim, {}, "torchaudio") if theirs else None
    return CheckpointMapping(sections, input_dim, feats_conf, state)
