"""Convolutions and their gradients against MLX's own, whichever way they are computed."""

import contextlib

import numpy as np
import pytest

from nnet.ops import mx, strassen
from nnet.ops.blas import products_in_threads
from nnet.ops.blocks import in_blocks
from nnet.ops.convolution import BLOCK_ROWS, SHARD_FRAMES, Filter, choose
from nnet.ops.inference import inference
from nnet.ops.lanes import CHANNELS, FRAMES, join, num_lanes, run_in_lanes

# (B, F, T, C), (O, KF, KT, C), stride, padding, dilation, how
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
    "stride over time": ((2, 1, 21, 8), (16, 1, 5, 8), (1, 2), (0, 2), (1, 1), "product"),
}


@pytest.fixture(params=CASES)
def case(request):
    shape, weight_shape, stride, padding, dilation, how = CASES[request.param]
    assert choose(weight_shape, stride, padding, dilation) == how
    rng = np.random.default_rng(0)
    x, weight = (mx.array(rng.standard_normal(s, np.float32)) for s in (shape, weight_shape))
    return x, weight, {"stride": stride, "padding": padding, "dilation": dilation}


def plain(x, weight, stride, padding, dilation):
    return mx.conv_general(x, weight, stride, padding, dilation)


def assert_close(ours, theirs):
    ours, theirs = np.array(ours), np.array(theirs)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


def test_values_are_those_of_mlx(case):
    x, weight, options = case
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


@pytest.mark.parametrize("mode", [contextlib.nullcontext, inference])
def test_parts_join_to_the_whole(case, mode):
    x, weight, options = case
    filter = Filter(weight, **options)
    with mode():
        whole = filter(x)
        cut_up = join(run_in_lanes(lambda x: 1 * x, [(x[:, :, :5],), (x[:, :, 5:],)]), FRAMES)
        for cut in {4, 8} & set(range(whole.shape[2])):
            for source in (x, cut_up):
                parts = [filter.part(source, 0, cut), filter.part(source, cut, whole.shape[2])]
                assert_close(mx.concatenate(parts, axis=2), whole)


@pytest.mark.parametrize("axis", [None, FRAMES, CHANNELS])
def test_lanes_share_the_channels_of_a_map_with_few_tiles(axis):
    rng = np.random.default_rng(0)
    x, weight = (mx.array(rng.standard_normal(shape, np.float32)) for shape in ((1, 10, 25, 144), (144, 3, 3, 144)))
    bias = mx.arange(144, dtype=mx.float32)
    with inference():
        source = x if axis is None else join(mx.split(x, [5], axis=axis), axis)
        along, parts = Filter(weight, bias, padding=(1, 1)).ready().parts(source)
        values = mx.concatenate([function() for _, _, function in parts], axis=along)
    assert along == (CHANNELS if num_lanes() > 1 else FRAMES)
    assert_close(values, plain(x, weight, (1, 1), (1, 1), (1, 1)) + bias)


def test_sequences_are_maps_of_one_bin():
    rng = np.random.default_rng(0)
    x, weight = (
        mx.array(rng.standard_normal((2, 30, 16), np.float32)),
        mx.array(rng.standard_normal((8, 3, 16), np.float32)),
    )
    options = {"padding": (0, 2), "dilation": (1, 2)}
    assert_close(Filter(weight, **options)(x), plain(x[:, None], weight[:, None], (1, 1), **options)[:, 0])


@pytest.mark.parametrize("shape", [(1, 900, 8), (5, 200, 8), (2, 401, 8), (1, 400, 8)])
def test_blocks_join_to_the_whole(shape):
    x = mx.array(np.random.default_rng(0).standard_normal(shape, np.float32))
    rows = []
    y = in_blocks(lambda x: rows.append(x.shape[0] * x.shape[1]) or 2 * x, x, rows=400)
    np.testing.assert_array_equal(y, 2 * x)
    assert max(rows) <= 400


@pytest.mark.parametrize("frames", [strassen.LEAST_ROWS, strassen.LEAST_ROWS + 1])
def test_large_products_of_many_rows_have_fewer_multiplications(frames, monkeypatch):
    rng = np.random.default_rng(0)
    weight, bias = (rng.standard_normal(shape, np.float32) for shape in ((1026, 1, 1024), (1026,)))
    x = rng.standard_normal((1, frames, 1024), np.float32)
    called, multiplied = [], strassen.multiplied
    monkeypatch.setattr(strassen, "multiplied", lambda *arrays: called.append(1) or multiplied(*arrays))
    with inference():
        filter = Filter(mx.array(weight), mx.array(bias)).ready()
        assert filter.block_rows(x) == SHARD_FRAMES
        y, few = filter(mx.array(x)), filter(mx.array(x[:, : strassen.LEAST_ROWS - 1]))
        assert filter.block_rows(x[:, 1:300]) == BLOCK_ROWS
    assert called == [1]
    expected = x[0].astype(np.float64) @ weight[:, 0].T + bias
    np.testing.assert_allclose(y[0], expected, atol=3e-6 * 1024)
    np.testing.assert_allclose(few[0], expected[: few.shape[1]], atol=3e-6 * 1024)
    with products_in_threads():
        np.testing.assert_allclose(filter(mx.array(x))[0], expected, atol=3e-6 * 1024)
    assert called == [1]


def test_no_utterance_is_added_to_another_in_a_large_product():
    x = np.random.default_rng(0).standard_normal((5, 101, 1024), np.float32)
    weight = mx.array(np.random.default_rng(1).standard_normal((1024, 1, 1024), np.float32))
    with inference():
        filter = Filter(weight).ready()
        assert filter.factors and strassen.enough(x)
        y = np.array(filter(mx.array(x)))
        x[1] = np.nan
        with_nan = np.array(filter(mx.array(x)))
    assert np.isnan(with_nan[1]).all()
    for i in (0, 2, 3, 4):
        np.testing.assert_array_equal(with_nan[i], y[i])
        np.testing.assert_allclose(y[i], x[i].astype(np.float64) @ np.array(weight[:, 0]).T, atol=3e-6 * 1024)


@pytest.mark.parametrize("shape", [(1025, 1024), (1024, 512)])
def test_odd_and_narrow_matrices_are_multiplied_as_they_are(shape):
    with inference():
        assert Filter(mx.zeros((shape[0], 1, shape[1]))).ready().factors == []
