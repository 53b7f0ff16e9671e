"""Every network with every pooling, and every loss, as a configuration builds them."""

import numpy as np
import pytest

from nnet.config import build_config
from nnet.losses import AUXILIARY_LOSSES, LOSSES
from nnet.model.speaker_net import attach_loss, build_model
from nnet.networks import NETWORKS
from nnet.ops import mx, nn, tree_flatten
from nnet.poolings import POOLINGS

DIM, FRAMES, SPEAKERS = 16, 50, 6
NARROW = {
    "tdnn": {"dims": [16, 16, 16, 16, 24]},
    "etdnn": {"dims": [16] * 9 + [24]},
    "ftdnn": {"width": 16, "bottleneck": 8, "first_dim": 12, "out_dim": 24},
    "resnet": {"depth": 18, "channels": 4},
    "simam_resnet": {"depth": 18, "channels": 4},
    "df_resnet": {"blocks": [1, 1, 1, 1], "channels": 4},
    "ecapa_tdnn": {"channels": 16, "se_channels": 8, "out_dim": 24},
    "campplus": {"growth": 8, "init_channels": 16, "blocks": [2, 2, 2], "head_channels": 4},
    "repvgg": {"variant": "A0", "base_width": 4},
    "next_tdnn": {"channels": 8, "blocks": 1},
    "res2net": {"channels": 4, "blocks": [1, 1, 1, 1]},
    "eres2net": {"channels": 4, "blocks": [1, 1, 1, 1]},
    "eres2netv2": {"channels": 4, "blocks": [1, 1, 1, 1]},
    "redimnet": {"channels": 4, "block": "gated", "group": 1, "strides": [2], "blocks": [1], "expansions": [1]}
    | {"reductions": [8]},
    "redimnet2": {"channels": 4, "strides": [2], "time_strides": [2], "blocks": [1], "expansions": [1]}
    | {"reductions": [8], "out_channels": 8},
}


def build(network="tdnn", pooling="statistics", loss="softmax", auxiliary=()):
    sections = {
        "network": {"type": network} | NARROW[network],
        "pooling": {"type": pooling},
        "embedding": {"dims": [12]},
        "loss": {"type": loss},
        "auxiliary": [{"type": name} for name in auxiliary],
    }
    config = build_config(sections, "test.json")
    mx.random.seed(0)
    model = build_model(config, DIM)
    attach_loss(model, config, SPEAKERS)
    return model


def batch(size=6, frames=FRAMES):
    features = np.random.default_rng(0).normal(size=(size, frames, DIM)).astype(np.float32)
    return mx.array(features), mx.array(np.arange(size) // 2)


def gradients(model):
    """The gradients of a training step by name."""
    features, labels = batch()

    def objective(features):
        embeddings, penalty = model.train_forward(features)
        extra = sum(a(embeddings, labels, model.loss) for a in model.auxiliary)
        return model.loss(embeddings, labels).loss + penalty + extra

    return {k: np.array(g) for k, g in tree_flatten(nn.value_and_grad(model, objective)(features)[1])}


def assert_trains(model):
    grads = gradients(model)
    assert grads.keys() == dict(tree_flatten(model.trainable_parameters())).keys()
    for name, grad in grads.items():
        assert np.isfinite(grad).all(), name


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_with_every_pooling(network, pooling):
    model = build(network, pooling)
    whole = pooling == "statistics" or network == "tdnn"  # the two meet in a number of channels only
    if whole:
        assert_trains(model)
    model.eval()
    features, _ = batch(size=5)
    together = np.array(model.extract(features))
    assert np.isfinite(together).all()
    if not whole:
        return
    np.testing.assert_allclose(np.array(model.extract(features[2:4])), together[2:4], rtol=1e-4, atol=1e-5)
    again = build(network, pooling)
    again.load_weights(tree_flatten(model.parameters()))
    again.eval()
    np.testing.assert_array_equal(np.array(again.extract(features)), together)


@pytest.mark.parametrize("loss", sorted(LOSSES.keys() - {"none"}))
def test_every_loss_trains_a_network(loss):
    assert_trains(build(loss=loss))


def test_auxiliary_losses_train_together():
    assert_trains(build(auxiliary=AUXILIARY_LOSSES))
