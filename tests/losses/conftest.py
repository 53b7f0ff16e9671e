"""Fixtures of the loss tests: a batch, and the comparison of a loss with its twin in float64."""

import numpy as np
import pytest

from nnet.ops import mx, nn, tree_flatten


@pytest.fixture
def batch():
    """batch(speakers, segments, dim): embeddings (B, dim) in float32, labels (B,), shuffled."""

    def make(speakers=5, segments=3, dim=8, seed=0):
        rng = np.random.default_rng(seed)
        labels = rng.permutation(np.repeat(np.arange(speakers), segments))
        centers = rng.normal(0, 1, (speakers, dim))
        return (centers[labels] + rng.normal(0, 0.8, (len(labels), dim))).astype(np.float32), labels

    return make


@pytest.fixture
def gradients():
    """gradients(loss, x, labels): a loss module's value, and its gradients for x and for every parameter by name."""

    def compute(loss, x, labels):
        labels = mx.array(labels)

        def value(x):
            return scalar(loss(x, labels))

        result, of_x = mx.value_and_grad(value)(mx.array(x))
        of_parameters = {}
        if tree_flatten(loss.trainable_parameters()):
            of_parameters = dict(tree_flatten(nn.value_and_grad(loss, value)(mx.array(x))[1]))
        return result.item(), np.array(of_x), {k: np.array(v) for k, v in of_parameters.items()}

    return compute


def scalar(output):
    return output.loss if hasattr(output, "loss") else output


@pytest.fixture
def agrees(gradients):
    """agrees(loss, twin, x, labels): the module's value and gradients are those of twin(x, labels, parameters).

    twin is plain numpy in float64; its gradients are taken by central differences.
    """

    def compare(loss, twin, x, labels, rtol=2e-3):
        weights = {k: np.array(v, np.float64) for k, v in tree_flatten(loss.parameters())}
        value, of_x, of_parameters = gradients(loss, x, labels)
        wide = x.astype(np.float64)
        np.testing.assert_allclose(value, twin(wide, labels, weights), rtol=2e-5, atol=1e-6)
        close(of_x, differences(lambda a: twin(a, labels, weights), wide), rtol, "x")
        for name, grad in of_parameters.items():
            numeric = differences(lambda a, n=name: twin(wide, labels, weights | {n: a}), weights[name])
            close(grad, numeric, rtol, name)

    return compare


def close(actual, expected, rtol, name):
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * max(np.abs(expected).max(), 1e-3), err_msg=name)


def differences(function, at, step=1e-6):
    """The gradient of a scalar function of an array, by central differences."""
    grad = np.empty_like(at)
    for index in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[index] += step
        down[index] -= step
        grad[index] = (function(up) - function(down)) / (2 * step)
    return grad
