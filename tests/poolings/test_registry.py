"""What every pooling promises."""

import numpy as np
import pytest

from nnet.ops import mx, nn, tree_flatten
from nnet.poolings import POOLINGS

every = pytest.mark.parametrize("name", POOLINGS)


@pytest.mark.parametrize("name", [n for n in POOLINGS if n not in ("average", "deviation", "statistics")])
def test_every_parameter_gets_a_finite_gradient(name, frames):
    mx.random.seed(0)
    pooling = POOLINGS[name](16)
    x = mx.random.normal((4, 20, 16))
    towards = mx.random.normal((4, pooling.out_dim))
    _, grads = nn.value_and_grad(pooling, lambda x: mx.sum(pooling(x) * towards))(x)
    grads = dict(tree_flatten(grads))
    assert grads.keys() == dict(tree_flatten(pooling.trainable_parameters())).keys()
    for key, grad in grads.items():
        assert np.isfinite(np.array(grad)).all(), key
        # A bias that adds the same to the scores of all frames changes no softmax over time.
        assert np.abs(np.array(grad)).max() > 0 or key.endswith("bias"), key


@every
@pytest.mark.parametrize("time", [1, 2, 50, 700])
def test_an_utterance_is_pooled_alike_alone_and_in_a_batch(name, time):
    mx.random.seed(0)
    pooling = POOLINGS[name](16)
    pooling.eval()
    x = mx.random.normal((5, time, 16))
    together = np.array(pooling(x))
    assert np.isfinite(together).all()
    np.testing.assert_allclose(np.array(pooling(x[3:4])), together[3:4], rtol=1e-4, atol=1e-5)


@every
def test_the_order_of_frames_does_not_matter(name):
    mx.random.seed(0)
    pooling = POOLINGS[name](16)
    pooling.eval()
    x = mx.random.normal((2, 30, 16))
    np.testing.assert_allclose(np.array(pooling(x[:, ::-1])), np.array(pooling(x)), rtol=1e-4, atol=1e-4)
