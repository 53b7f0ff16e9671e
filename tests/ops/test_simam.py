"""SimAM against its definition: values in numpy, float64; gradients as MLX derives them."""

import numpy as np
import pytest
from scipy.special import expit

from nnet import ops
from nnet.ops import mx

SHAPES = [(2, 6, 9, 5), (1, 1, 1, 3), (3, 20, 50, 8)]


@pytest.mark.parametrize("shape", SHAPES)
def test_values_are_those_of_the_definition(shape):
    x = np.random.default_rng(0).normal(3, 2, shape)
    squares = (x - x.mean(axis=(1, 2), keepdims=True)) ** 2
    variance = squares.sum(axis=(1, 2), keepdims=True) / max(shape[1] * shape[2] - 1, 1)
    expected = x * expit(squares / (4 * (variance + 1e-4)) + 0.5)
    ours = ops.simam(mx.array(x.astype(np.float32)), regularization=1e-4)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_that_mlx_derives(shape):
    rng = np.random.default_rng(1)
    x, dy = (mx.array(rng.standard_normal(shape).astype(np.float32)) for _ in range(2))

    def plain(x):
        squares = mx.square(x - mx.mean(x, axis=(1, 2), keepdims=True))
        variance = mx.sum(squares, axis=(1, 2), keepdims=True) / max(shape[1] * shape[2] - 1, 1)
        return x * mx.sigmoid(squares / (4 * (variance + 0.1)) + 0.5)

    def simam(x):
        return ops.simam(x, regularization=0.1)

    ours, theirs = (mx.grad(lambda x, f=f: mx.sum(f(x) * dy))(x) for f in (simam, plain))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
