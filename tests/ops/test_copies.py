"""Copies with wide values and with narrow ones are the same as MLX's own."""

import numpy as np
import pytest

from nnet.ops import mx
from nnet.ops.copies import concatenated, padded
from nnet.ops.gradients import inference


@pytest.fixture(params=[(8, mx.float32), (7, mx.float32), (1, mx.float32), (8, mx.bfloat16), (6, mx.bfloat16)])
def maps(request):
    """Maps of 3 and 5 frames; the second one is a view whose values are apart."""
    channels, dtype = request.param
    values = mx.random.normal((2, 4, 8, 2 * channels), key=mx.random.key(0)).astype(dtype)
    return [mx.contiguous(values[:, :, :3, :channels]), values[:, :, 3:, channels:]]


def assert_equal(our, their):
    assert our.dtype == their.dtype
    np.testing.assert_array_equal(np.array(our.astype(mx.float32)), np.array(their.astype(mx.float32)))


def test_zeros_surround_what_is_padded(maps):
    for x in maps:
        assert_equal(padded(x, (1, 2), (0, 3)), mx.pad(x, ((0, 0), (1, 2), (0, 3), (0, 0))))


def test_concatenation_is_that_of_mlx(maps):
    with inference():
        assert_equal(concatenated(maps, 2), mx.concatenate(maps, 2))
        same = [maps[0], maps[1][:, :, :3]]
        assert_equal(concatenated(same, -1), mx.concatenate(same, -1))


def test_concatenation_of_different_types_promotes(maps):
    both = [maps[0].astype(mx.bfloat16), maps[1].astype(mx.float32)]
    with inference():
        assert_equal(concatenated(both, 2), mx.concatenate(both, 2))


@pytest.mark.parametrize("axis", [2, -1])
def test_the_gradient_of_a_concatenation_is_that_of_mlx(maps, axis):
    maps = [maps[0], maps[1] if axis == 2 else maps[1][:, :, :3]]
    weight = mx.random.normal(mx.concatenate(maps, axis).shape, key=mx.random.key(1)).astype(maps[0].dtype)
    ours, theirs = (
        mx.grad(lambda pair, join=join: mx.sum(weight * join(pair, axis)))(maps)
        for join in (concatenated, mx.concatenate)
    )
    for our, their in zip(ours, theirs, strict=True):
        assert_equal(our, their)
