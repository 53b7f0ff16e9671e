"""Activations, layer normalization and softmax-weighted statistics, with their gradients, against numpy in float64."""

import numpy as np
import pytest
from scipy.special import expit, ndtr, softmax

from nnet.ops import gelu, layer_norm, mx, relu, weighted_statistics
from nnet.ops.activation import exp_shifted, sigmoid, softplus, tanh

COUNTS = [7, 100_003]  # few and many values go different ways


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(("ours", "theirs"), [(sigmoid, expit), (tanh, np.tanh)])
def test_values_and_gradients_are_those_of_numpy(ours, theirs, count):
    x = np.linspace(-200, 200, count).astype(np.float32)
    np.testing.assert_allclose(ours(mx.array(x)), theirs(x.astype(np.float64)), rtol=0, atol=1e-6)
    x = np.linspace(-9, 9, count).astype(np.float32)
    slope = mx.grad(lambda x: mx.sum(ours(x)))(mx.array(x))
    y = theirs(x.astype(np.float64))
    np.testing.assert_allclose(slope, y * (1 - y) if ours is sigmoid else 1 - y * y, rtol=0, atol=2e-6)


def test_a_relu_with_a_limit_and_its_gradient():
    x = mx.array([-3.0, -1e-30, 0.0, 1e-30, 1.0, 19.99, 20.0, 30.0])
    y, slope = mx.value_and_grad(lambda x: mx.sum(relu(x, limit=20.0)))(x)
    np.testing.assert_allclose(y, np.clip(np.array(x), 0, 20).sum())
    assert slope.tolist() == [0, 0, 0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("count", COUNTS)
def test_softplus_and_its_gradient_are_those_of_numpy(count):
    x = np.linspace(-80, 200, count).astype(np.float32)
    np.testing.assert_allclose(softplus(mx.array(x)), np.logaddexp(x.astype(np.float64), 0), rtol=1e-5)
    slope = mx.grad(lambda x: mx.sum(softplus(x)))(mx.array(x))
    np.testing.assert_allclose(slope, expit(x.astype(np.float64)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("count", COUNTS)
def test_nothing_hides_a_nan(count):
    x = mx.full((count,), mx.nan)
    for y in (sigmoid(x), tanh(x), gelu(x), softplus(x), exp_shifted(x, mx.array(0.0))):
        assert mx.all(mx.isnan(y)).item()


@pytest.mark.parametrize("count", COUNTS)
def test_the_exponential_goes_from_one_to_zero(count):
    x = np.linspace(-300, 3, count).astype(np.float32)
    y = np.array(exp_shifted(mx.array(x), mx.array(3.0)), np.float64)
    expected = np.exp(x.astype(np.float64) - 3)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1.7e-38)
    assert y[-1] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("frames", [1, 5, 400, 777])
@pytest.mark.parametrize("scores_width", [1, 12])
def test_weighted_statistics_and_their_gradients(frames, scores_width):
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((3, frames, 12)) + 2).astype(np.float32)
    scores = (5 * rng.standard_normal((3, frames, scores_width))).astype(np.float32)
    cotangents = [mx.array(rng.standard_normal((3, 12)).astype(np.float32)) for _ in range(2)]

    def plain(x, scores):
        weights = mx.softmax(scores, axis=1)
        mean = mx.sum(weights * x, axis=1)
        return mean, mx.sum(weights * mx.square(x - mean[:, None]), axis=1)

    weights = softmax(scores.astype(np.float64), axis=1)
    mean = (weights * x).sum(axis=1)
    variance = (weights * (x - mean[:, None]) ** 2).sum(axis=1)
    arrays = [mx.array(x), mx.array(scores)]
    for ours, expected in zip(weighted_statistics(*arrays), (mean, variance), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
    ours, theirs = (mx.vjp(f, arrays, cotangents)[1] for f in (weighted_statistics, plain))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", COUNTS)
def test_gelu_and_its_gradient(count):
    x = np.linspace(-20, 20, count).astype(np.float32)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(gelu(mx.array(x)), wide * ndtr(wide), rtol=1e-6, atol=5e-7)
    slope = ndtr(wide) + wide * np.exp(-wide * wide / 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(mx.grad(lambda x: mx.sum(gelu(x)))(mx.array(x)), slope, rtol=0, atol=2e-6)


def test_layer_normalization():
    x = np.random.default_rng(0).normal(3, 2, (2, 5, 7)).astype(np.float32)
    weight, bias = np.linspace(1, 2, 7), np.linspace(-1, 1, 7)
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + 0.1) * weight + bias
    ours = layer_norm(*(mx.array(a.astype(np.float32)) for a in (x, weight, bias)), eps=0.1)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)
