"""A batch in shards gives what the whole batch gives: every operation, its gradients, the statistics."""

import numpy as np
import pytest

from nnet import ops
from nnet.errors import InputError
from nnet.model.cost import Counted
from nnet.networks.layers import BatchNorm, Conv1d, Conv2d
from nnet.ops import mx, nn
from nnet.ops.lanes import num_lanes
from nnet.ops.sharded import LEAST_FRAMES, SHARD_FRAMES, Sharded

WEIGHT = mx.array(np.random.default_rng(9).standard_normal((5, 3, 6), np.float32))
SLOPES, BIAS = mx.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), mx.arange(5, dtype=mx.float32)
SHAPE = {"stride": (1, 1), "padding": (0, 1), "dilation": (1, 1), "groups": 1}

# x and y (B, T, 6)
OPERATIONS = {
    "arithmetic": lambda x, y: (2 - x) * y / (3 + y * y) - (x - 1) + 0.5 * (-y),
    "conv": lambda x, y: ops.conv(x, WEIGHT, BIAS, **SHAPE) * ops.conv(y, WEIGHT, None, **SHAPE),
    "linear": lambda x, y: ops.linear(x, WEIGHT[:, 0], BIAS) + ops.linear(y, WEIGHT[:, 1]),
    "context_linear": lambda x, y: ops.context_linear(x[..., :2], ops.mean(y, axis=1)[:, :4], WEIGHT[:, 0], BIAS),
    "elementwise": lambda x, y: ops.sigmoid(ops.relu(x)) + ops.tanh(ops.leaky_relu(y, slope=0.1)),
    "prelu": lambda x, y: ops.prelu(x, SLOPES) + ops.maximum(y, 0.25),
    "limited relu": lambda x, y: ops.relu(x, limit=0.5) * y,
    "gelu": lambda x, y: ops.gelu(x) * ops.gelu(y, by_tanh=True),
    "layer norm": lambda x, y: ops.layer_norm(x, SLOPES, 1 - SLOPES, eps=1e-6) * y,
    "weighted sum": lambda x, y: ops.weighted_sum(mx.stack([SLOPES, 1 - SLOPES]), x, y),
    "sqrt and sum": lambda x, y: ops.sqrt(ops.sum(x * x, axis=-1, keepdims=True) + 1) * y,
    "softmax": lambda x, y: ops.softmax(x, axis=1) * y,
    "statistics": lambda x, y: ops.concat(*ops.mean_and_variance(x, unbiased=True), ops.mean(y, axis=1)),
    "weighted statistics": lambda x, y: ops.concat(*ops.weighted_statistics(x, y)),
    "normalize": lambda x, y: ops.normalize(x) + y[:, 2:3],
    "segments": lambda x, y: y * ops.repeat_segments(ops.segment_means(x, segment=7), x, segment=7),
    "one segment": lambda x, y: y * ops.repeat_segments(ops.segment_means(x, segment=500), x, segment=500),
    "concat and split": lambda x, y: ops.split(ops.concat(x, y), parts=3)[1],
    "crop and concat in time": lambda x, y: ops.concat(x, ops.crop(y, before=2, after=3), axis=1),
    "crop and repeat": lambda x, y: ops.repeat_frames(ops.crop_to_multiple(x, of=7), times=2) + y[:, :1],
    "map of bins": lambda x, y: ops.flatten_map(ops.as_map(x, bins=3) * 2, bin_major=True) + y,
    "map": lambda x, y: ops.flatten_map(ops.as_map(x) * 2) + y,
    "heads": lambda x, y: ops.swapaxes(ops.unflatten(x, axis=-1, shape=(2, -1)), first=1, second=2),
    "matmul": lambda x, y: ops.flatten(ops.swapaxes(x, first=1, second=2) @ y, start=1),
    "expand and cast": lambda x, y: ops.cast(ops.cast(ops.expand_dims(x, axis=2), dtype=mx.bfloat16), dtype=mx.float32),
}


@pytest.fixture(params=[1, 2, 7])
def batch(request):
    rng = np.random.default_rng(0)
    return [mx.array(rng.standard_normal((request.param, 40, 6), np.float32)) for _ in range(2)]


def in_shards(x):
    return Sharded([x[i : i + 2] for i in range(0, len(x), 2)])


def assert_close(ours, theirs, **tolerance):
    np.testing.assert_allclose(np.array(ours), np.array(theirs), **({"rtol": 1e-4, "atol": 1e-5} | tolerance))


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_and_its_gradient_are_those_of_the_whole_batch(batch, name):
    function = OPERATIONS[name]

    def whole(x, y):
        return function(x, y)

    def sharded(x, y):
        return ops.gather(function(in_shards(x), in_shards(y)))

    expected = whole(*batch)
    assert expected.shape == sharded(*batch).shape
    assert_close(sharded(*batch), expected)
    cotangent = [mx.random.normal(expected.shape, key=mx.random.key(1))]
    for ours, theirs in zip(*(mx.vjp(f, batch, cotangent)[1] for f in (sharded, whole)), strict=True):
        assert_close(ours, theirs)


BLOCKS = {
    "norm": lambda bn, x, y: bn(x),
    "norm, relu": lambda bn, x, y: ops.relu(bn(x)),
    "norm, limited relu": lambda bn, x, y: ops.relu(bn(x), limit=0.7),
    "norm, shortcut": lambda bn, x, y: bn(x) + y,
    "shortcut, norm": lambda bn, x, y: y + bn(x),
    "norm, shortcut, relu": lambda bn, x, y: ops.relu(bn(x) + y),
    "two norms": lambda bn, x, y: ops.relu(bn(x) + bn(y)),
    "two shortcuts": lambda bn, x, y: ops.relu(bn(x) + y + x),
    "a number": lambda bn, x, y: ops.relu(bn(x) + 1.0),
    "a gate": lambda bn, x, y: ops.relu(bn(x) + ops.mean(y, axis=1, keepdims=True)),
    "used twice": lambda bn, x, y: ops.relu(bn(x)) + bn(x) * ops.mean(bn(y), axis=1, keepdims=True),
    "side by side": lambda bn, x, y: BatchNormOfBoth(bn)(ops.concat(x, y)),
}


class BatchNormOfBoth:
    """Normalizes channels that were put side by side, whose statistics are known one by one."""

    def __init__(self, bn):
        self.bn = BatchNorm(12)
        self.bn.train(bn.training)

    def __call__(self, x):
        return self.bn(x)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", BLOCKS)
def test_a_normalization_is_fused_with_what_follows_without_a_difference(batch, name, training):
    def block(x, y, put):
        bn = BatchNorm(6)
        bn.weight, bn.bias = mx.array([1, -1, 0.5, 2, 0, -2.0]), mx.array([0.5, 0, -0.5, 1, 2, 0])
        bn.running_var = mx.arange(1, 7, dtype=mx.float32)
        bn.train(training)
        y = ops.gather(BLOCKS[name](bn, put(x), put(y)))
        return mx.concatenate([y.reshape(-1), bn.running_mean, bn.running_var])

    expected = block(*batch, lambda x: x)
    assert_close(block(*batch, in_shards), expected)
    cotangent = [mx.random.normal(expected.shape, key=mx.random.key(1))]
    grads = [mx.vjp(lambda x, y, put=put: block(x, y, put), batch, cotangent)[1] for put in (in_shards, lambda x: x)]
    for ours, theirs in zip(*grads, strict=True):
        assert_close(ours, theirs, atol=1e-4)


def test_utterances_of_other_lengths_may_be_together():
    rng = np.random.default_rng(0)
    xs = [mx.array(rng.standard_normal((n, frames, 6), np.float32)) for n, frames in ((1, 30), (2, 50), (1, 31))]
    conv, bn = Conv1d(6, 8, 3), BatchNorm(8).eval()

    def embed(x):
        return ops.concat(*ops.mean_and_variance(ops.relu(bn(conv(x))), unbiased=False))

    assert_close(ops.gather(embed(Sharded(xs))), mx.concatenate([embed(x) for x in xs]))


def test_dropout_is_drawn_for_the_whole_batch():
    x = mx.ones((5, 10, 4))
    results = []
    for value in (x, in_shards(x)):
        mx.random.seed(3)
        results.append(np.array(ops.gather(ops.random_scale(value, low=0.5, high=1.5))))
    np.testing.assert_array_equal(*results)
    assert (results[0] == results[0][:, :1]).all() and len(np.unique(results[0])) > 10


@pytest.mark.parametrize(("utterances", "frames"), [(1, 50), (2, 10), (3, 200), (32, 200), (5, 3000)])
def test_a_batch_is_cut_for_the_lanes_and_the_caches(utterances, frames):
    x = mx.zeros((utterances, frames, 2))
    value = ops.spread(x)
    if mx.default_device().type == mx.gpu:
        assert value is x
        return
    sizes = [len(part) for part in value.parts]
    assert sum(sizes) == utterances and max(sizes) - min(sizes) <= 1
    assert len(sizes) % num_lanes() == 0 or len(sizes) == utterances or utterances * frames < 2 * LEAST_FRAMES
    assert max(sizes) == 1 or max(sizes) * frames <= 2 * SHARD_FRAMES


def test_maps_are_cut_like_sequences():
    x = mx.array(np.random.default_rng(0).standard_normal((4, 30, 8), np.float32))
    conv1, conv2 = Conv2d(1, 24), Conv2d(24, 24, stride=2)

    def network(x):
        return ops.flatten_map(conv2(ops.relu(conv1(ops.as_map(x)))))

    assert_close(ops.gather(network(in_shards(x))), network(x), atol=1e-4)


def test_a_network_in_mlx_itself_gets_arrays(batch):
    x, layer, bn = batch[0], nn.Linear(6, 4), nn.BatchNorm(4)

    def network(x):
        return nn.relu(bn(layer(x)))

    expected = network(x)
    assert_close(ops.gather(ops.with_arrays(network, in_shards(x))), expected)
    bn.eval()
    lengths = Sharded([x[:1, :30], x[:1, 10:]])
    assert_close(
        ops.gather(ops.mean(ops.with_arrays(network, lengths), axis=1))[0], network(x[:1, :30]).mean(axis=1)[0]
    )
    with pytest.raises(InputError, match="uses functions of MLX itself"):
        ops.with_arrays(network, Counted(x, []))


@pytest.mark.parametrize("frames", [511, 512, 6000])
def test_a_long_sum_over_time_is_exact_to_a_rounding(frames):
    x = np.random.default_rng(0).uniform(0.5, 1.5, (2, frames, 3)).astype(np.float32)
    wide = x.astype(np.float64)
    mean, variance = ops.mean_and_variance(mx.array(x), unbiased=False)
    for ours, exact in ((ops.mean(mx.array(x), axis=1), wide.mean(axis=1)), (mean, wide.mean(axis=1))):
        np.testing.assert_allclose(ours, exact, rtol=2e-6)
    np.testing.assert_allclose(variance, wide.var(axis=1), rtol=1e-5)
    slope = mx.grad(lambda x: mx.sum(ops.mean(x, axis=1)))(mx.array(x))
    np.testing.assert_allclose(slope, np.full(x.shape, 1 / frames), rtol=1e-6)
