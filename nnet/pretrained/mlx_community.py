"""Reads ResNets in MLX's layout (convolutions channels last), which exist under three naming schemes.

mlx-community's `weights.npz` has WeSpeaker's names with the prefix `resnet.`; other ports use the attribute names of
their own class (`layer1.layers.0.shortcut_conv`, `fc`); a `model.safetensors` of this toolkit has ours. Only the
weights are used, not the port's forward pass.
"""

import re

from nnet.model.speaker_net import TRAINING_ONLY
from nnet.pretrained.front_ends import wespeaker_front_end
from nnet.pretrained.layouts import to_torch
from nnet.pretrained.mapping import CheckpointMapping
from nnet.pretrained.shapes import describe

RENAMES = (
    (r"^embedding\.layers\.0\.affine\.", "seg_1."),
    (r"^(resnet|network)\.", ""),
    (r"\.layers\.", "."),
    (r"\.shortcut_conv\.", ".shortcut.0."),
    (r"\.shortcut_bn\.", ".shortcut.1."),
    (r"^fc\.", "seg_1."),
)


def recognize(checkpoint):
    """Returns whether the checkpoint is a ResNet whose first convolution is channels last."""
    first = {_theirs(name): array for name, array in checkpoint.state.items()}.get("conv1.weight")
    return first is not None and first.shape[1:] == (3, 3, 1)


def map_checkpoint(checkpoint):
    """Returns the CheckpointMapping of a checkpoint of this kind."""
    weights = {n: a for n, a in checkpoint.state.items() if not n.startswith(TRAINING_ONLY)}
    state = {_theirs(name): to_torch(array, array.ndim) for name, array in weights.items()}
    sections, input_dim = describe(state, checkpoint.path, "TSTP")
    return CheckpointMapping(sections, input_dim, wespeaker_front_end(checkpoint.path, input_dim, {}), state)


def _theirs(name):
    for pattern, replacement in RENAMES:
        name = re.sub(pattern, replacement, name)
    return name
