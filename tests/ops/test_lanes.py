"""Shards: what is cut and joined is what it was."""

import numpy as np
import pytest

from nnet.ops import mx
from nnet.ops.lanes import CHANNELS, FRAMES, between, each, join, num_lanes, run_in_lanes


@pytest.fixture
def batch():
    return mx.array(np.random.default_rng(0).standard_normal((5, 4, 300, 8), np.float32))


@pytest.mark.parametrize("utterances", [1, 2, 5])
def test_shards_of_utterances_join_in_their_order(batch, utterances):
    x = batch[:utterances]
    np.testing.assert_array_equal(each(lambda x: x + 1, each(lambda x: 2 * x, x)), 2 * x + 1)


def test_tuples_are_joined_one_by_one(batch):
    one, two = each(lambda x, y: (x + y, x - y), batch, 2 * batch)
    np.testing.assert_array_equal(one, 3 * batch)
    np.testing.assert_array_equal(two, -batch)


def test_the_frames_of_a_lone_map_are_cut(batch):
    x = mx.repeat(batch[:1], 16, axis=1)
    sizes = []
    each(lambda x: sizes.append(x.shape[2]) or x, x, along=FRAMES)
    assert sum(sizes) == x.shape[2]
    assert len(sizes) == min(num_lanes(), x.shape[2] // 4)


@pytest.mark.parametrize(("first", "stop"), [(0, 300), (0, 299), (5, 20), (200, 300), (100, 201), (299, 300), (7, 7)])
def test_frames_between_are_those_of_the_whole(batch, first, stop):
    parts = run_in_lanes(lambda x: x * 1, [(batch[:1, :, :200],), (batch[:1, :, 200:],)])
    for x in (join(parts, FRAMES), batch[:1]):
        np.testing.assert_array_equal(join(between(x, first, stop, FRAMES), FRAMES), x[:, :, first:stop])


@pytest.mark.parametrize(("first", "stop"), [(0, 8), (0, 3), (3, 8), (1, 6)])
def test_channels_between_are_those_of_the_whole(batch, first, stop):
    parts = run_in_lanes(lambda x: x * 1, [(batch[..., :3],), (batch[..., 3:],)])
    for x in (join(parts, CHANNELS), join(mx.split(batch, [5], axis=FRAMES), FRAMES), batch):
        np.testing.assert_array_equal(join(between(x, first, stop, CHANNELS), CHANNELS), x[..., first:stop])
