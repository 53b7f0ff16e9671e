"""Shards: what is cut and joined is what it was."""

import numpy as np
import pytest

from nnet.compute import mx
from nnet.compute.lanes import between, each, join, num_lanes, run_in_lanes

FRAMES = 300


@pytest.fixture
def batch():
    return mx.array(np.random.default_rng(0).standard_normal((5, 4, FRAMES, 8), np.float32))


@pytest.mark.parametrize("utterances", [1, 2, 5])
def test_shards_of_utterances_join_in_their_order(batch, utterances):
    x = batch[:utterances]
    np.testing.assert_array_equal(each(lambda x: x + 1, each(lambda x: 2 * x, x)), 2 * x + 1)


def test_tuples_are_joined_one_by_one(batch):
    one, two = each(lambda x, y: (x + y, x - y), batch, 2 * batch)
    np.testing.assert_array_equal(one, 3 * batch)
    np.testing.assert_array_equal(two, -batch)


def test_the_bins_of_a_lone_map_are_cut(batch):
    x = mx.repeat(batch[:1], 16, axis=1)
    sizes = []
    each(lambda x: sizes.append(x.shape[1]) or x, x, along=1)
    assert sum(sizes) == x.shape[1]
    assert len(sizes) == min(num_lanes(), x.shape[1] // 4)


@pytest.mark.parametrize(("first", "stop"), [(0, 4), (0, 3), (1, 2), (2, 4), (1, 3), (3, 4)])
def test_bins_between_are_those_of_the_whole(batch, first, stop):
    parts = run_in_lanes(lambda x: x * 1, [(batch[:1, :2],), (batch[:1, 2:],)])
    np.testing.assert_array_equal(between(join(parts, axis=1), first, stop), batch[:1, first:stop])
    np.testing.assert_array_equal(between(batch, first, stop), batch[:, first:stop])
