"""MLX ports of WeSpeaker's ResNet34: convolutions channels last, two ways of naming.

mlx-community's `weights.npz` keeps WeSpeaker's names behind `resnet.`; others name the modules of that port's own class
(`layer1.layers.0.shortcut_conv`, `fc`). Only the weights are taken; what such a port computes with them is its affair.
"""

import re

from nnet.pretrained.front_ends import wespeaker_front_end
from nnet.pretrained.layouts import to_torch
from nnet.pretrained.shapes import describe

RENAMES = (
    (r"^resnet\.", ""),
    (r"\.layers\.", "."),
    (r"\.shortcut_conv\.", ".shortcut.0."),
    (r"\.shortcut_bn\.", ".shortcut.1."),
    (r"^fc\.", "seg_1."),
)


def recognise(source):
    """Whether it is a ResNet with its first convolution channels last."""
    first = next((a for n, a in source.state.items() if n in ("conv1.weight", "resnet.conv1.weight")), None)
    return first is not None and first.ndim == 4 and first.shape[1:] == (3, 3, 1)


def read(source):
    """The sections of a configuration, the features a frame, feats_conf and the state in WeSpeaker's names."""
    state = {_theirs(name): to_torch(array, array.ndim) for name, array in source.state.items()}
    sections, input_dim = describe(state, source.path)
    return sections, input_dim, wespeaker_front_end(input_dim, {}, source.path), state


def _theirs(name):
    for pattern, replacement in RENAMES:
        name = re.sub(pattern, replacement, name)
    return name
