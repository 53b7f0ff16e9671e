"""The interface of mlx-community's port of WeSpeaker's ResNet34, with PyTorch's numbers."""

from nnet.errors import InputError
from nnet.pretrained.convert import convert


def load_resnet34_embedding(path):
    """WeSpeaker's ResNet34 from one file of weights.

    Args:
        path: `weights.npz` or `weights.safetensors` with the port's names, or a `model.safetensors` of this toolkit.

    Returns:
        a model in eval mode; called with features (batch, frames, bins) it gives embeddings (batch, dim), which are
        not normalised.

    Raises:
        InputError: another network, or tensors that do not all fit.
    """
    converted = convert(path, "mlx_community")
    if converted.config.network.options.depth != 34:
        raise InputError(f"{path}: a ResNet{converted.config.network.options.depth}, not a ResNet34")
    return converted.model
