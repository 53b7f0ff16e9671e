"""ResNets in MLX's layout, convolutions channels last, in three ways of naming.

mlx-community's `weights.npz` keeps WeSpeaker's names behind `resnet.`; other ports name the modules of that port's own
class (`layer1.layers.0.shortcut_conv`, `fc`); ours stand in a `model.safetensors`. Only the weights are taken; what a
port computes with them is its affair.
"""

import re

from nnet.pretrained.front_ends import wespeaker_front_end
from nnet.pretrained.layouts import to_torch
from nnet.pretrained.reading import Reading
from nnet.pretrained.shapes import describe

RENAMES = (
    (r"^embedding\.layers\.0\.affine\.", "seg_1."),
    (r"^(resnet|network)\.", ""),
    (r"\.layers\.", "."),
    (r"\.shortcut_conv\.", ".shortcut.0."),
    (r"\.shortcut_bn\.", ".shortcut.1."),
    (r"^fc\.", "seg_1."),
)


def recognise(source):
    """Whether it is a ResNet with its first convolution channels last."""
    first = {_theirs(name): array for name, array in source.state.items()}.get("conv1.weight")
    return first is not None and first.shape[1:] == (3, 3, 1)


def read(source):
    """The Reading of such a source."""
    weights = {n: a for n, a in source.state.items() if not n.startswith(("loss.", "auxiliary."))}
    state = {_theirs(name): to_torch(array, array.ndim) for name, array in weights.items()}
    sections, input_dim = describe(state, source.path)
    return Reading(sections, input_dim, wespeaker_front_end(source.path, input_dim, {}), state)


def _theirs(name):
    for pattern, replacement in RENAMES:
        name = re.sub(pattern, replacement, name)
    return name
