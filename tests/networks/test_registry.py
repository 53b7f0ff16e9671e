"""What every network of the registry promises."""

import numpy as np
import pytest
from built import built

from nnet.networks import NETWORKS
from nnet.ops import mx, nn, tree_flatten

NARROW = {
    "tdnn": {"dims": (16, 16, 16, 16, 24)},
    "etdnn": {"dims": (16,) * 9 + (24,)},
    "ftdnn": {"width": 16, "bottleneck": 8, "first_dim": 12, "out_dim": 24},
    "resnet": {"depth": 18, "channels": 4},
    "simam_resnet": {"depth": 18, "channels": 4},
    "df_resnet": {"blocks": (1, 1, 1, 1), "channels": 4},
    "ecapa_tdnn": {"channels": 16, "se_channels": 8, "out_dim": 24},
    "campplus": {"growth": 8, "init_channels": 16, "blocks": (2, 2, 2), "head_channels": 4},
    "repvgg": {"variant": "A0", "base_width": 4},
    "next_tdnn": {"channels": 8, "blocks": 1},
    "res2net": {"channels": 4, "blocks": (1, 1, 1, 1), "scale": 3},
    "eres2net": {"channels": 4, "blocks": (1, 1, 1, 1), "scale": 3},
    "eres2netv2": {"channels": 4, "blocks": (1, 1, 1, 1)},
    "redimnet": {"channels": 4, "group": 2, "strides": (1, 2), "blocks": (1, 1), "expansions": (2, 1)}
    | {"reductions": (5, 10)},
    "redimnet2": {"channels": 4, "strides": (1, 2), "time_strides": (1, 2), "blocks": (1, 1), "expansions": (1, 2)}
    | {"reductions": (10, 5), "out_channels": 8},
}


def narrow(name, dim=20):
    mx.random.seed(0)
    return built(NETWORKS[name], dim, **NARROW[name])


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch, frames", [(2, 50), (5, 67), (2, 700)])
def test_every_parameter_gets_a_finite_gradient(name, batch, frames, features):
    network = narrow(name)
    x = mx.array(features(batch, frames, 20))
    target = mx.array(features(batch, 1, network.out_dim))

    def loss(x):
        return mx.mean(mx.square(network(x) - target))

    gradients = dict(tree_flatten(nn.value_and_grad(network, loss)(x)[1]))
    assert gradients.keys() == dict(tree_flatten(network.trainable_parameters())).keys()
    for key, gradient in gradients.items():
        assert np.isfinite(np.array(gradient)).all(), key
        assert np.abs(np.array(gradient)).max() > 0, key


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dim", [20, 30, 81])
def test_output_and_endpoints_have_the_widths_that_they_announce(name, dim, features):
    dim -= dim % 2 if name.startswith("redimnet") else 0  # there, strides must divide the bins
    network = narrow(name, dim)
    endpoints = {}
    x = network(mx.array(features(2, 60, dim)), endpoints)
    assert x.shape[0] == 2 and x.shape[2] == network.out_dim
    assert {key: value.shape[2] for key, value in endpoints.items()} == network.endpoint_dims


@pytest.mark.parametrize("name", NETWORKS)
def test_endpoints_do_not_change_the_output(name, features):
    network = narrow(name)
    network.eval()
    x = mx.array(features(2, 60, 20))
    np.testing.assert_allclose(np.array(network(x)), np.array(network(x, {})), atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_fewest_frames_are_enough(name, features):
    network = narrow(name)
    network.eval()
    out = np.array(network(mx.array(features(1, network.min_frames, 20))))
    frames = network.min_frames if name == "redimnet2" else 1  # it repeats what it pools
    assert out.shape == (1, frames, network.out_dim) and np.isfinite(out).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_evaluation_does_not_depend_on_the_rest_of_the_batch(name, features):
    network = narrow(name)
    network(mx.array(features(4, 80, 20)))
    network.eval()
    x = features(5, 80, 20)
    together = np.array(network(mx.array(x)))
    alone = np.array(network(mx.array(x[3:4])))
    np.testing.assert_allclose(together[3:4], alone, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_seed_decides_the_initial_weights(name):
    first, second = (dict(tree_flatten(narrow(name).parameters())) for _ in range(2))
    assert all(np.array_equal(np.array(first[key]), np.array(second[key])) for key in first)
