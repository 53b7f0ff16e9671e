"""Fixtures of the pooling tests: built poolings, inputs, and their parameters for a numpy twin."""

import numpy as np
import pytest

from nnet.ops import mx, tree_flatten
from nnet.options import options_of
from nnet.poolings import POOLINGS

DIM = 12
ENDPOINT_DIMS = {"tdnn4.relu": 10, "tdnn5.relu": 12}


@pytest.fixture
def build():
    """build(name, **options): a pooling of 12 channels in eval mode, no weight or running statistic at 0 or 1."""

    def make(name, **options):
        pooling = POOLINGS[name](DIM, options_of(POOLINGS[name])(**options), ENDPOINT_DIMS)
        rng = np.random.default_rng(1)
        filled = [
            (k, mx.array(rng.uniform(0.2, 0.9, v.shape).astype(np.float32))) for k, v in flat(pooling) if v.ndim == 1
        ]
        signed = [(k, mx.array(rng.normal(0, 0.4, v.shape).astype(np.float32))) for k, v in flat(pooling) if v.ndim > 1]
        pooling.load_weights(filled + signed)
        pooling.eval()
        return pooling

    return make


def flat(pooling):
    return tree_flatten(pooling.parameters())


@pytest.fixture
def weights():
    """weights(pooling): its parameters by name, in float64."""
    return lambda pooling: {k: np.array(v, np.float64) for k, v in flat(pooling)}


@pytest.fixture
def frames():
    """frames(batch, time): the network's output (B, T, 12) and its endpoints, in float32."""

    def make(batch=3, time=9):
        rng = np.random.default_rng(0)
        arrays = {k: rng.normal(0.3, 1, (batch, time, d)).astype(np.float32) for k, d in ENDPOINT_DIMS.items()}
        return rng.normal(0.3, 1, (batch, time, DIM)).astype(np.float32), arrays

    return make


@pytest.fixture
def check():
    """check(pooling, x, expected, endpoints): the pooling's output is the expected one."""

    def compare(pooling, x, expected, endpoints=None):
        given = endpoints and {k: mx.array(v) for k, v in endpoints.items()}
        pooled = np.array(pooling(mx.array(x), given))
        assert pooled.shape == (len(x), pooling.out_dim)
        np.testing.assert_allclose(pooled, expected, rtol=1e-4, atol=1e-5)

    return compare
