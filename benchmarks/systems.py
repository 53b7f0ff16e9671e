"""The same speaker networks on both sides: ours from nnet_conf, and their twins in plain PyTorch.

Widths are WeSpeaker's or 3D-Speaker's, embeddings go into a softmax over 1,000 speakers.
"""

import json
import os
from collections import namedtuple

import numpy as np

DIM, SPEAKERS = 80, 1000
SOFTMAX = 'loss={"type": "softmax"}'  # an override of a configuration

System = namedtuple("System", "configuration twin")
System.__doc__ = "The name of a file in nnet_conf, and a function of `benchmarks.torch_networks` that makes the twin."

CLASSICS = {
    "x-vector": System("xvector", lambda twins: twins.XVector()),
    "ECAPA-512": System("ecapa_tdnn_512", lambda twins: twins.EcapaTdnn(context=True)),
    "ResNet34": System("resnet34", lambda twins: twins.ResNet()),
    "CAM++": System("campplus", lambda twins: twins.CamPlusPlus()),
}
RECENT = {
    "Res2Net34": System("res2net34", lambda twins: twins.Res2Net(embed_dim=256)),
    "ERes2Net base": System("eres2net_base", lambda twins: twins.ERes2Net()),
    "ERes2NetV2": System("eres2netv2", lambda twins: twins.ERes2NetV2()),
    "SimAM-ResNet34": System("simam_resnet34", lambda twins: twins.SimAmResNet()),
    "DF-ResNet60": System("df_resnet60", lambda twins: twins.DfResNet((3, 3, 9, 3))),
    "NeXt-TDNN": System("next_tdnn", lambda twins: twins.NextTdnn()),
    "ReDimNet B2": System(
        "redimnet_b2",
        lambda twins: twins.ReDimNet(
            [(1, 2, 1, 12), (2, 2, 1, 12), (1, 3, 1, 12), (2, 4, 1, 8), (1, 4, 1, 8), (2, 4, 1, 4)]
        ),
    ),
    "ReDimNet2 B2": System(
        "redimnet2_b2",
        lambda twins: twins.ReDimNet(
            [
                (1, 1, 2, 2, 40),
                (2, 1, 3, 1, 30),
                (1, 2, 4, 1, 30),
                (3, 1, 5, 1, 20),
                (1, 2, 4, 1, 20),
                (2, 1, 3, 1, 10),
            ],
            channels=20,
            kind="basic",
            group=1,
            out_channels=64,
        ),
    ),
}
SYSTEMS = CLASSICS | RECENT


def features(batch, frames, dim=DIM):
    """Noise, (batch, frames, dim) float32."""
    return np.random.default_rng(0).standard_normal((batch, frames, dim), np.float32)


def labels(batch):
    """Speakers (batch,) int32."""
    return np.random.default_rng(1).integers(0, SPEAKERS, batch).astype(np.int32)


def configuration(name):
    """The path of a network's configuration."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return os.path.join(root, "nnet_conf", f"{SYSTEMS[name].configuration}.json")


def feature_dim(name):
    """The dimensions of the features of a network."""
    return _section(name, "features").get("dim", DIM)


def _section(name, section):
    with open(configuration(name), encoding="utf-8") as file:
        return json.load(file).get(section, {})


def our_config(name):
    """The configuration of a network, with a softmax loss and without its schedules."""
    from nnet.config import load_config

    return load_config(configuration(name), [SOFTMAX])


def our_model(name):
    """(model, config), the weights drawn and computed."""
    from nnet.model.speaker_net import attach_loss, build_model
    from nnet.ops import mx

    config = our_config(name)
    model = build_model(config, feature_dim(name))
    attach_loss(model, config, SPEAKERS)
    mx.eval(model.parameters())
    return model, config


def torch_model(name):
    """The network with its pooling and embedding in PyTorch, and its classifier."""
    import torch

    from benchmarks import torch_networks as twins

    width = _section(name, "embedding")["dims"][-1]
    return SYSTEMS[name].twin(twins), torch.nn.Linear(width, SPEAKERS)
