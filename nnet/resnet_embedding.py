"""Loads WeSpeaker's ResNet34 with the interface of mlx-community's port; embeddings match PyTorch's."""

from nnet.errors import InputError
from nnet.pretrained.convert import convert


def load_resnet34_embedding(path):
    """Loads WeSpeaker's ResNet34 from one weights file.

    Args:
        path: `weights.npz` or `weights.safetensors` with the port's names, or a `model.safetensors` of this toolkit.

    Returns:
        a model in eval mode that maps features (batch, frames, bins) to embeddings (batch, dim), not length-normalized

    Raises:
        InputError: another network, or tensors that do not match it.
    """
    converted = convert(path, "mlx_community")
    if converted.config.network.options.depth != 34:
        raise InputError(f"{path}: a ResNet{converted.config.network.options.depth}, not a ResNet34")
    return converted.model
