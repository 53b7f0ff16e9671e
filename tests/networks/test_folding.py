"""In eval mode a normalisation is part of the convolution beside it, whatever the signs of its scales."""

import numpy as np
import pytest

from nnet.networks.layers import BatchNorm, Conv1d, conv_norm, conv_relu_norm, norm_relu
from nnet.ops import mx

FRAMES, INPUTS, OUTPUTS = 20, 6, 5


def normalisation(dims, signs):
    rng = np.random.default_rng(dims)
    bn = BatchNorm(dims)
    bn.weight = mx.array(np.resize(signs, dims) * rng.uniform(0.5, 2, dims), mx.float32)
    bn.bias = mx.array(rng.standard_normal(dims), mx.float32)
    bn.running_mean = mx.array(rng.standard_normal(dims), mx.float32)
    bn.running_var = mx.array(rng.uniform(0.5, 2, dims), mx.float32)
    return bn.eval()


@pytest.mark.parametrize("signs", [[1], [-1], [1, -1], [1, 0, -1]])
@pytest.mark.parametrize("kernel", [1, 3])
def test_a_normalisation_after_the_relu(signs, kernel):
    conv, bn = Conv1d(INPUTS, OUTPUTS, kernel, padding=kernel // 2).eval(), normalisation(OUTPUTS, signs)
    x = mx.random.normal((2, FRAMES, INPUTS))
    np.testing.assert_allclose(conv_relu_norm(x, conv, bn), bn(mx.maximum(conv(x), 0)), atol=1e-5)


@pytest.mark.parametrize("signs", [[1], [-1], [1, -1], [1, 0, -1]])
@pytest.mark.parametrize("bias", [True, False])
def test_a_normalisation_and_a_relu_before_the_convolution(signs, bias):
    before, after = normalisation(INPUTS, signs), normalisation(OUTPUTS, [1, -1])
    conv = Conv1d(INPUTS, OUTPUTS, bias=bias).eval()
    x = mx.random.normal((2, FRAMES, INPUTS))
    expected = mx.maximum(after(conv(norm_relu(x, before))), 0)
    np.testing.assert_allclose(conv_norm(x, conv, after, relu=True, before=before), expected, atol=1e-5)


def test_a_normalisation_in_training_before_a_frozen_one_has_the_statistics_of_the_batch():
    before, after = normalisation(INPUTS, [1]).train(), normalisation(OUTPUTS, [1])
    conv, x = Conv1d(INPUTS, OUTPUTS), mx.random.normal((2, FRAMES, INPUTS))
    expected = after(conv(norm_relu(x, before)))
    tracked = np.array(before.running_mean)
    np.testing.assert_allclose(conv_norm(x, conv, after, before=before), expected, atol=1e-5)
    assert not np.array_equal(before.running_mean, tracked)
