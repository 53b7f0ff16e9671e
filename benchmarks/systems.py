"""The same speaker networks on both sides: ours from nnet_conf, and their twins in plain PyTorch.

Widths are WeSpeaker's, features have 80 dimensions, embeddings go into a softmax over 1,000 speakers.
"""

import os

import numpy as np

DIM, SPEAKERS = 80, 1000
SOFTMAX = 'loss={"type": "softmax"}'  # an override of a configuration
CONFIGURATIONS = {
    "x-vector": "xvector",
    "ECAPA-512": "ecapa_tdnn_512",
    "ResNet34": "resnet34",
    "CAM++": "campplus",
}


def features(batch, frames):
    """Noise, (batch, frames, DIM) float32."""
    return np.random.default_rng(0).standard_normal((batch, frames, DIM), np.float32)


def labels(batch):
    """Speakers (batch,) int32."""
    return np.random.default_rng(1).integers(0, SPEAKERS, batch).astype(np.int32)


def configuration(name):
    """The path of a network's configuration."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return os.path.join(root, "nnet_conf", f"{CONFIGURATIONS[name]}.json")


def our_config(name):
    """The configuration of a network, with a softmax loss and without its schedules."""
    from nnet.config import load_config

    return load_config(configuration(name), [SOFTMAX])


def our_model(name):
    """(model, config), the weights drawn and computed."""
    from nnet.model.speaker_net import attach_loss, build_model
    from nnet.ops import mx

    config = our_config(name)
    model = build_model(config, DIM)
    attach_loss(model, config, SPEAKERS)
    mx.eval(model.parameters())
    return model, config


def torch_model(name):
    """The network with its pooling and embedding in PyTorch, and its classifier."""
    import torch

    from benchmarks import torch_networks as twins

    networks = {
        "x-vector": twins.XVector,
        "ECAPA-512": lambda: twins.EcapaTdnn(context=True),
        "ResNet34": twins.ResNet,
        "CAM++": twins.CamPlusPlus,
    }
    width = {"x-vector": 512, "ECAPA-512": 192, "ResNet34": 256, "CAM++": 512}[name]
    return networks[name](), torch.nn.Linear(width, SPEAKERS)
