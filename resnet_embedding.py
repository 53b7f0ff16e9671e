"""The module name of mlx-community's port of WeSpeaker's ResNet34, so that code written for it runs unchanged."""

from nnet.resnet_embedding import load_resnet34_embedding

__all__ = ["load_resnet34_embedding"]
