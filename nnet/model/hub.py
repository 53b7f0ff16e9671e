"""Finds models by name, on disk or on the Hugging Face Hub."""

import os
import re

from nnet.errors import InputError

# The files of an exported model that `load_model` reads; nothing else is downloaded.
FILES = ["config.json", "model.safetensors", "self_test.safetensors", "cosine_calibration.json", "*.conf"]


def find_model(name):
    """Returns the model directory `name`; if there is none, downloads the repository `user/name` from the Hub.

    Raises:
        InputError: no such directory, and huggingface_hub is not installed or cannot download it.
    """
    name = os.fspath(name)
    if os.path.isdir(name) or not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name):
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
