"""Models by the name of their repository on the Hugging Face hub."""

import os
import re

from nnet.errors import InputError

# What `load_model` reads of an exported model; nothing else is fetched.
FILES = ["config.json", "model.safetensors", "self_test.safetensors", "cosine_calibration.json", "*.conf"]


def find_model(name):
    """The model directory `name`, or, where there is none, the local copy of the repository `user/name` on the hub.

    Raises:
        InputError: no directory, and huggingface_hub is not installed or cannot fetch it.
    """
    name = os.fspath(name)
    if os.path.isdir(name) or not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name):
        return name
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise InputError(
            f"{name}: no such directory; if it is a model on the Hugging Face hub: pip install huggingface_hub"
        ) from None
    try:
        return snapshot_download(name, allow_patterns=FILES)
    except Exception as error:  # of the hub, of its HTTP library, of the network: they share no class
        reason = " ".join(str(error).split())
        raise InputError(f"{name}: no such directory, and the hub does not give it: {reason}") from error
