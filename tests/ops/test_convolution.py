"""Convolutions and their gradients against MLX's own, whichever way they are computed."""

import contextlib

import numpy as np
import pytest

from nnet import ops
from nnet.ops import mx
from nnet.ops.convolution import Filter, choose
from nnet.ops.gradients import inference
from nnet.ops.lanes import on_cpu

# (B, F, T, C), (O, KF, KT, C), stride, padding, dilation, method
CASES = {
    "pointwise": ((2, 5, 7, 6), (4, 1, 1, 6), (1, 1), (0, 0), (1, 1), "pointwise"),
    "winograd, whole tiles": ((2, 8, 12, 24), (32, 3, 3, 24), (1, 1), (1, 1), (1, 1), "winograd"),
    "winograd, cut tiles": ((3, 10, 25, 32), (24, 3, 3, 32), (1, 1), (1, 1), (1, 1), "winograd"),
    "winograd, one bin and frame": ((1, 1, 1, 24), (24, 3, 3, 24), (1, 1), (1, 1), (1, 1), "winograd"),
    "winograd without padding": ((1, 7, 9, 24), (24, 3, 3, 24), (1, 1), (0, 0), (1, 1), "winograd"),
    "winograd, much padding": ((1, 7, 9, 24), (24, 3, 3, 24), (1, 1), (2, 1), (1, 1), "winograd"),
    "winograd over time": ((2, 1, 30, 128), (128, 1, 3, 128), (1, 1), (0, 0), (1, 1), "winograd"),
    "winograd over time, dilated": ((2, 1, 31, 128), (128, 1, 3, 128), (1, 1), (0, 0), (1, 3), "winograd"),
    "winograd over time, odd padding": ((2, 1, 29, 128), (128, 1, 3, 128), (1, 1), (0, 1), (1, 2), "winograd"),
    "winograd over time of bins": ((2, 3, 14, 128), (130, 1, 3, 128), (1, 1), (0, 2), (1, 2), "winograd"),
    "beyond the filter's reach": ((1, 4, 5, 24), (24, 3, 3, 24), (1, 1), (3, 3), (1, 1), "product"),
    "few channels": ((2, 9, 11, 1), (8, 3, 3, 1), (1, 1), (1, 1), (1, 1), "product"),
    "stride of both axes": ((2, 9, 12, 8), (16, 3, 3, 8), (2, 2), (1, 1), (1, 1), "product"),
    "stride of both axes, one value of each": ((2, 1, 1, 8), (16, 3, 3, 8), (2, 2), (1, 1), (1, 1), "product"),
    "stride of bins": ((2, 8, 11, 8), (8, 3, 3, 8), (2, 1), (1, 1), (1, 1), "product"),
    "strided shortcut": ((2, 9, 12, 8), (16, 1, 1, 8), (2, 2), (0, 0), (1, 1), "product"),
    "spliced frames": ((2, 1, 20, 8), (16, 1, 5, 8), (1, 1), (0, 0), (1, 2), "product"),
    "groups": ((2, 5, 6, 160), (8, 3, 3, 40), (2, 1), (1, 1), (1, 1), "grouped"),
    "two groups at a time": ((2, 5, 6, 96), (8, 3, 3, 24), (2, 1), (1, 1), (1, 1), "grouped"),
    "groups of a shortcut": ((2, 5, 6, 80), (6, 1, 1, 40), (1, 1), (0, 0), (1, 1), "grouped"),
    "a filter for each channel": ((2, 1, 50, 6), (6, 1, 65, 1), (1, 1), (0, 32), (1, 1), "depthwise"),
    "a short filter for each channel": ((3, 1, 33, 6), (6, 1, 3, 1), (1, 1), (0, 1), (1, 1), "depthwise"),
    "a filter for each channel, no padding": ((2, 1, 90, 6), (6, 1, 7, 1), (1, 1), (0, 0), (1, 1), "depthwise"),
    "a filter for each channel, of bins": ((2, 3, 20, 4), (4, 1, 5, 1), (1, 1), (0, 4), (1, 1), "depthwise"),
    "a filter for each channel, strided": ((2, 1, 20, 4), (4, 1, 5, 1), (1, 2), (0, 2), (1, 1), "product"),
    "a filter for each channel, of bins only": ((2, 5, 7, 6), (6, 3, 1, 1), (1, 1), (1, 0), (1, 1), "depthwise"),
    "a filter for each channel, much padding": ((2, 4, 9, 6), (6, 3, 2, 1), (1, 1), (2, 0), (1, 1), "depthwise"),
    "a filter for each channel, dilated": ((2, 1, 9, 6), (6, 1, 5, 1), (1, 1), (0, 3), (1, 2), "product"),
    "stride over time": ((2, 1, 21, 8), (16, 1, 5, 8), (1, 2), (0, 2), (1, 1), "product"),
}


@pytest.fixture(params=CASES)
def case(request):
    shape, weight_shape, stride, padding, dilation, method = CASES[request.param]
    groups = shape[-1] // weight_shape[-1]
    assert choose(weight_shape, stride, padding, dilation, groups) == method
    rng = np.random.default_rng(0)
    x, weight = (mx.array(rng.standard_normal(s, np.float32)) for s in (shape, weight_shape))
    return x, weight, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


def plain(x, weight, stride, padding, dilation, groups=1):
    return mx.conv_general(x, weight, stride, padding, dilation, groups=groups)


def assert_close(ours, theirs):
    ours, theirs = np.array(ours), np.array(theirs)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


@pytest.mark.parametrize("mode", [contextlib.nullcontext, inference])
def test_values_are_those_of_mlx(case, mode):
    x, weight, options = case
    with mode():
        assert_close(Filter(weight, **options)(x), plain(x, weight, **options))


def test_gradients_are_those_of_mlx(case):
    x, weight, options = case
    dy = mx.array(np.random.default_rng(1).standard_normal(plain(x, weight, **options).shape, np.float32))

    def gradients(convolution):
        return mx.grad(lambda x, weight: mx.sum(convolution(x, weight) * dy), argnums=(0, 1))(x, weight)

    theirs = gradients(lambda x, weight: plain(x, weight, **options))
    for our, their in zip(gradients(lambda x, weight: Filter(weight, **options)(x)), theirs, strict=True):
        assert_close(our, their)


def test_a_bias_is_added_to_every_output(case):
    x, weight, options = case
    bias = mx.arange(len(weight), dtype=mx.float32)
    assert_close(Filter(weight, bias, **options)(x), plain(x, weight, **options) + bias)
    gradient = mx.grad(lambda bias: mx.sum(Filter(weight, bias, **options)(x)))(bias)
    assert_close(gradient, mx.full(bias.shape, plain(x, weight, **options).size / len(weight)))


# (B, F, T, C), (O, KF, KT, C / groups), stride, padding, groups, method on a CPU
GROUPED = {
    "depthwise": ((2, 7, 9, 6), (6, 3, 3, 1), (1, 1), (1, 1), 6, "depthwise"),
    "depthwise, many channels": ((1, 4, 9, 40), (40, 3, 3, 1), (1, 1), (1, 0), 40, "depthwise"),
    "depthwise over time": ((2, 1, 40, 12), (12, 1, 19, 1), (1, 1), (0, 9), 12, "depthwise"),
    "depthwise, strided": ((2, 6, 9, 4), (8, 2, 3, 1), (2, 3), (0, 0), 4, "product"),
    "groups": ((2, 7, 9, 24), (24, 3, 3, 4), (1, 1), (1, 1), 6, "winograd"),
    "groups of few channels": ((2, 7, 9, 8), (4, 3, 3, 4), (1, 1), (1, 1), 2, "product"),
    "pointwise groups": ((2, 3, 5, 8), (4, 1, 1, 2), (1, 1), (0, 0), 4, "pointwise"),
}


VIEWS = {"broadcast": mx.sum, "transposed": lambda y: mx.sum(mx.swapaxes(y, 1, 2) * mx.array([1.0, 2.0, 3.0, 4.0]))}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
def test_maps_and_gradients_may_be_views(kernel, stride, view):
    mx.random.seed(0)
    weight, x = mx.random.normal((4, kernel, kernel, 4)), mx.random.normal((2, 9, 8, 4))
    shape = {"stride": (stride, stride), "padding": (0, 0), "dilation": (1, 1), "groups": 1}

    def loss(convolve):
        return mx.value_and_grad(lambda x: VIEWS[view](convolve(mx.swapaxes(x, 1, 2))))(x)

    ours = loss(lambda x: ops.conv(x, weight, None, **shape))
    values, gradients = zip(ours, loss(lambda x: mx.conv2d(x, weight, stride)), strict=True)
    assert np.allclose(*values, rtol=1e-4)
    assert np.allclose(*gradients, atol=1e-4)


@pytest.mark.parametrize("name", GROUPED)
def test_groups_of_channels_are_those_of_mlx(name):
    shape, weight_shape, stride, padding, groups, method = GROUPED[name]
    assert not on_cpu() or choose(weight_shape, stride, padding, groups=groups) == method
    rng = np.random.default_rng(0)
    x, weight = (mx.array(rng.standard_normal(s, np.float32)) for s in (shape, weight_shape))
    options = {"stride": stride, "padding": padding}

    def one_by_one(x, weight):
        pairs = zip(mx.split(x, groups, axis=3), mx.split(weight, groups), strict=True)
        return mx.concatenate([mx.conv_general(a, b, **options) for a, b in pairs], axis=3)

    expected = one_by_one(x, weight)
    assert_close(Filter(weight, groups=groups, **options)(x), expected)
    dy = mx.array(rng.standard_normal(expected.shape, np.float32))
    functions = (lambda x, weight: Filter(weight, groups=groups, **options)(x), one_by_one)
    ours, theirs = (mx.vjp(function, [x, weight], [dy])[1] for function in functions)
    for our, their in zip(ours, theirs, strict=True):
        assert_close(our, their)


def test_sequences_are_maps_of_one_bin():
    rng = np.random.default_rng(0)
    x, weight = (
        mx.array(rng.standard_normal((2, 30, 16), np.float32)),
        mx.array(rng.standard_normal((8, 3, 16), np.float32)),
    )
    options = {"padding": (0, 2), "dilation": (1, 2)}
    assert_close(Filter(weight, **options)(x), plain(x[:, None], weight[:, None], (1, 1), **options)[:, 0])


def test_a_context_is_appended_to_every_frame():
    rng = np.random.default_rng(0)
    x, context, weight, bias = (rng.standard_normal(s, np.float32) for s in ((2, 7, 3), (2, 4), (5, 1, 7), (5,)))
    both = np.concatenate([x, np.repeat(context[:, None], 7, axis=1)], axis=2)
    ours = ops.context_linear(*map(mx.array, (x, context, weight, bias)))
    np.testing.assert_allclose(ours, both @ weight[:, 0].T + bias, atol=1e-5)
