"""Reads pyannote's `wespeaker-voxceleb-resnet34-LM`: WeSpeaker's ResNet with the prefix `resnet.`."""

from nnet.pretrained.front_ends import wespeaker_front_end
from nnet.pretrained.mapping import CheckpointMapping
from nnet.pretrained.shapes import PLAIN_DEVIATION, describe

PREFIX = "resnet."


def recognize(checkpoint):
    """Returns whether the first convolution has pyannote's prefix and PyTorch's layout."""
    first = checkpoint.state.get(PREFIX + "conv1.weight")
    return first is not None and first.shape[1:] == (1, 3, 3)


def map_checkpoint(checkpoint):
    """Returns the CheckpointMapping of a checkpoint of this kind."""
    state = {name.removeprefix(PREFIX): array for name, array in checkpoint.state.items()}
    sections, input_dim = describe(state, checkpoint.path, "TSTP")
    sections["pooling"] |= PLAIN_DEVIATION
    return CheckpointMapping(sections, input_dim, wespeaker_front_end(checkpoint.path, input_dim, {}), state)
