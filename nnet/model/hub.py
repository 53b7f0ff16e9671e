"""Finds models by name: on disk, in this package, or on the Hugging Face Hub."""

import os
import re

from nnet.errors import InputError

# The models of this package, each in its model directory.
DEFAULT_MODEL = "small"
SHIPPED = os.path.join(os.path.dirname(os.path.dirname(__file__)), "models")
ON_HUB = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")  # user/name
# The files of an exported model that `load_model` reads; nothing else is downloaded.
FILES = ["config.json", "model.safetensors", "self_test.safetensors", "cosine_calibration.json", "*.conf"]


def find_model(name):
    """Returns the model directory `name`, or that of a model of this package, such as small.

    A name `user/name` that is neither is downloaded from the Hub.

    Raises:
        InputError: no such directory, and huggingface_hub is not installed or cannot download it.
    """
    name = os.fspath(name)
    if name in shipped_models() and not os.path.isdir(name):
        return os.path.join(SHIPPED, name)
    if os.path.isdir(name) or not ON_HUB.fullmatch(name):
        return name
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise InputError(
            f"{name}: no such directory; for a model on the Hugging Face Hub: pip install huggingface_hub"
        ) from None
    try:
        return snapshot_download(name, allow_patterns=FILES)
    except Exception as error:  # errors of the Hub, its HTTP library and the network share no base class
        reason = " ".join(str(error).split())
        raise InputError(f"{name}: no such directory, and the Hub cannot provide it: {reason}") from error


def names_model(name):
    """Whether `find_model` may find a model of this name: a directory, a model of this package, or user/name."""
    return os.path.isdir(name) or name in shipped_models() or bool(ON_HUB.fullmatch(name))


def shipped_models():
    """Lists the names of the models that come with this package."""
    return sorted(os.listdir(SHIPPED)) if os.path.isdir(SHIPPED) else []
