"""3D-Speaker's models: CAM++ and ResNet, whose parameters are called as WeSpeaker's."""

import os

from nnet.pretrained.front_ends import speaker3d_front_end
from nnet.pretrained.reading import Reading
from nnet.pretrained.shapes import PLAIN_DEVIATION, describe

# Its statistics pooling by network type: plain, or the variance plus a little.
POOLING = {"campplus": PLAIN_DEVIATION, "resnet": {"eps": 1e-8}}


def recognise(source):
    """Whether the settings are of 3D-Speaker or of its ModelScope releases, or the file is called as those are."""
    name = os.path.basename(source.path)
    settings = "embedding_model" in source.settings or source.settings.get("task") == "speaker-verification"
    return settings or name == "embedding_model.ckpt" or name.startswith("campplus_")


def read(source):
    """The Reading of such a source."""
    state = {_ours(name): array for name, array in source.state.items()}
    sections, input_dim = describe(state, source.path)
    sections["pooling"] |= POOLING.get(sections["network"]["type"], {})
    return Reading(sections, input_dim, speaker3d_front_end(source.path, input_dim, source.settings), state)


def _ours(name):
    # ModelScope's releases of some versions wrap the network.
    return name.removeprefix("embedding_model.")
