import numpy as np
import pytest
from built import built

from nnet.networks import NETWORKS
from nnet.networks.ftdnn import semi_orthogonal_step
from nnet.ops import mx


def _distance(weight):
    """How far the rows (or columns, if there are more rows) are from orthogonal ones of one length."""
    matrix = np.array(weight, dtype=np.float64).reshape(weight.shape[0], -1)
    values = np.linalg.svd(matrix, compute_uv=False)
    return values.std() / values.mean()


@pytest.mark.parametrize("shape", [(64, 2, 128), (64, 1, 16)])
def test_constraint_converges_to_a_semi_orthogonal_matrix(shape):
    mx.random.seed(0)
    weight = mx.random.normal(shape)
    assert _distance(weight) > 0.1
    for _ in range(60):
        weight = semi_orthogonal_step(weight)
    assert _distance(weight) < 1e-4


def test_the_step_is_the_papers_equation_near_the_constraint():
    mx.random.seed(0)
    weight = mx.random.normal((8, 1, 32))
    for _ in range(60):
        weight = semi_orthogonal_step(weight)
    weight = weight + 0.001 * mx.random.normal(weight.shape)
    m = np.array(weight, dtype=np.float64).reshape(8, 32)
    p = m @ m.T
    alpha2 = np.trace(p @ p.T) / np.trace(p)
    expected = m - (p - alpha2 * np.eye(8)) @ m / (2 * alpha2)
    np.testing.assert_allclose(np.array(semi_orthogonal_step(weight)).reshape(8, 32), expected, atol=1e-5)


def test_constrain_moves_every_first_factor():
    mx.random.seed(0)
    network = built(NETWORKS["ftdnn"], 20, width=32, bottleneck=8, first_dim=16, out_dim=24)
    before = [_distance(network[f"tdnn{i}"].factor.weight) for i in range(2, 10)]
    for _ in range(10):
        network.constrain()
    after = [_distance(network[f"tdnn{i}"].factor.weight) for i in range(2, 10)]
    assert all(a < b / 2 for a, b in zip(after, before, strict=True))


def test_a_frozen_factor_stays_as_it_is():
    network = built(NETWORKS["ftdnn"], 20, width=32, bottleneck=8, first_dim=16, out_dim=24)
    frozen, trained = network.tdnn2.factor, network.tdnn3.factor
    frozen.freeze()
    before = [np.array(factor.weight) for factor in (frozen, trained)]
    network.constrain()
    assert np.array_equal(frozen.weight, before[0]) and not np.array_equal(trained.weight, before[1])


def test_dropout_scales_channels_in_training_only(features):
    mx.random.seed(0)
    network = built(NETWORKS["ftdnn"], 20, width=32, bottleneck=8, first_dim=16, out_dim=24, dropout=0.2)
    x = mx.array(features(2, 40, 20))
    assert not np.array_equal(np.array(network(x)), np.array(network(x)))
    network.eval()
    assert np.array_equal(np.array(network(x)), np.array(network(x)))
    network.train()
    network.set_dropout(0.0)
    assert np.array_equal(np.array(network(x)), np.array(network(x)))
