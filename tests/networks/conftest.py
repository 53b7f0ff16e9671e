"""Fixtures of the network tests: a PyTorch twin's weights in our network."""

import numpy as np
import pytest

from nnet.ops import mx, tree_flatten
from nnet.pretrained.layouts import from_torch
from nnet.pretrained.names import their_name


@pytest.fixture
def twin_names():
    """Gives `twin_name`."""
    return twin_name


@pytest.fixture
def copy_weights():
    """copy(twin, network, type) puts a PyTorch twin's weights, its normalisations randomized, into our network."""
    twins = pytest.importorskip("benchmarks.torch_networks")

    def copy(twin, network, network_type):
        twins.randomize(twin)
        state = {name: tensor.numpy() for name, tensor in twin.state_dict().items()}
        weights = []
        for name, ours in tree_flatten(network.parameters()):
            theirs = state.pop(twin_name(name, network_type))
            weights.append((name, mx.array(from_torch(theirs, ours.ndim))))
        network.load_weights(weights, strict=True)
        used_later = (
            "seg",
            "pool.",
            "linear.",
            "bn.",
            "xvector.dense.",
            "speaker_net.aggregate.",
            "backbone.stage0.0.w",
        )
        left = [n for n in state if not n.startswith(used_later) and not n.endswith("num_batches_tracked")]
        assert not left, left

    return copy


def twin_name(name, network_type):
    """The twin's name of one of our network's weights; the F-TDNN is in no other toolkit and has our names."""
    return name if network_type == "ftdnn" else their_name(f"network.{name}", network_type)


@pytest.fixture
def features():
    """Makes features (batch, frames, dim), the same for the same shape."""

    def make(*shape):
        return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)

    return make
