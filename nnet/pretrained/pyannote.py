"""pyannote's `wespeaker-voxceleb-resnet34-LM`: WeSpeaker's ResNet behind the prefix `resnet.`."""

from nnet.pretrained.front_ends import wespeaker_front_end
from nnet.pretrained.reading import Reading
from nnet.pretrained.shapes import PLAIN_DEVIATION, describe

PREFIX = "resnet."


def recognise(source):
    """Whether every weight stands behind pyannote's prefix, in PyTorch's layout."""
    first = source.state.get(PREFIX + "conv1.weight")
    return first is not None and first.shape[1:] == (1, 3, 3)


def read(source):
    """The Reading of such a source."""
    state = {name.removeprefix(PREFIX): array for name, array in source.state.items()}
    sections, input_dim = describe(state, source.path)
    sections["pooling"] |= PLAIN_DEVIATION
    return Reading(sections, input_dim, wespeaker_front_end(source.path, input_dim, {}), state)
