"""Reads the checkpoints of NeXt-TDNN's authors (github.com/dmlguq456/NeXt_TDNN_ASV): the state of a Lightning module.

Their features are torchaudio's mel spectra: of frames centered at multiples of 10 ms, after a pre-emphasis of the whole
recording. No front end of this toolkit computes them, so the conversion leaves the features open.
"""

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
    return CheckpointMapping(sections, input_dim, None, state)
