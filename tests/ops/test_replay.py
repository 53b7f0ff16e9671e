"""Graphs are kept for shapes that come again, give what the function gives, and never outlive what they know."""

import copy
import gc
import shutil
import threading
import weakref

import numpy as np
import pytest

from nnet.networks.layers import BatchNorm, Conv2d, conv_norm
from nnet.ops import mx, nn, replay
from nnet.ops.blas import products_in_threads
from nnet.ops.inference import inference, started
from nnet.ops.lanes import on_cpu
from nnet.ops.replay import GRAPHS, Replay
from nnet.ops.winograd import _matrix

# What MLX needs, rather than what our own code finds: where that no longer finds how to tell MLX, tests must fail.
needs_graphs = pytest.mark.skipif(not (on_cpu() and shutil.which("g++")), reason="MLX keeps no graphs without g++")


class Counted(nn.Module):
    """Counts how often its operations are set up; it starts some, adds a constant, and has operations to fuse."""

    def __init__(self):
        super().__init__()
        self.calls, self.constant, self.replay = 0, mx.array(1.0), Replay()
        self.eval()

    def function(self, x, factor=1):
        self.calls += 1
        y = mx.maximum(x + self.constant, 0)
        started(y)
        return y * factor

    def __call__(self, x, *options):
        with inference():
            return self.replay(self.function, x, *options)


class Net(nn.Module):
    """A map's convolution with its normalisation, by Winograd; by products from 16 channels down."""

    def __init__(self, channels):
        super().__init__()
        self.layers = [[Conv2d(channels, channels), BatchNorm(channels)]]
        self.replay = Replay()
        self.eval()

    def function(self, x):
        for conv, bn in self.layers:
            x = conv_norm(x, conv, bn, relu=True)
        return x

    def __call__(self, x):
        with inference():
            return self.replay(self.function, x)


def batch(*shape, seed=0):
    return mx.array(np.random.default_rng(seed).standard_normal(shape, np.float32))


def assert_equal(x, y):
    np.testing.assert_array_equal(np.array(x), np.array(y))


@needs_graphs
def test_python_sets_up_a_graph_twice_and_then_no_more():
    counted = Counted()
    for seed in range(5):
        x = batch(2, 10, 4, seed=seed)
        assert_equal(counted(x), mx.maximum(x + 1, 0))
    assert counted.calls == 2


@needs_graphs
def test_each_shape_type_and_option_has_its_own_graph():
    counted = Counted()
    inputs = [(batch(2, 10, 4),), (batch(2, 11, 4),), (batch(2, 10, 4).astype(mx.float16),), (batch(2, 10, 4), 3)]
    for x, *options in 2 * inputs:
        for _ in range(3):
            y = counted(x, *options)
            assert y.dtype == mx.result_type(x, mx.float32)
            assert_equal(y, mx.maximum(x + counted.constant, 0) * (options or [1])[0])
    assert counted.calls == 2 * len(inputs)


@needs_graphs
def test_old_graphs_are_forgotten():
    counted = Counted()
    for frames in range(1, GRAPHS + 3):
        counted(batch(1, frames, 1))
        counted(batch(1, frames, 1))
    assert len(counted.replay._known.value) == GRAPHS and counted.calls == 2 * (GRAPHS + 2)


@needs_graphs
def test_shapes_that_take_turns_keep_no_graphs():
    counted = Counted()
    for frames in 3 * list(range(1, 2 * GRAPHS)):
        counted(batch(1, frames, 1))
    assert not counted.replay._known.value and counted.calls == 3 * (2 * GRAPHS - 1)


@needs_graphs
def test_another_constant_is_used_at_once():
    counted, x = Counted(), batch(1, 5, 3)
    for constant in (1.0, 2.0, 1.0):
        counted.constant = mx.array(constant)
        for _ in range(3):
            assert_equal(counted(x), mx.maximum(x + constant, 0))
    assert counted.calls == 6


@needs_graphs
@pytest.mark.parametrize(
    ("channels", "size"), [(8, (1, 20, 60)), (32, (1, 40, 100)), (32, (3, 20, 50)), (256, (1, 10, 25))]
)
def test_a_replayed_layer_gives_the_same_values(channels, size):
    net = Net(channels)
    x = batch(*size, channels)
    first = np.array(net(x))
    _matrix.cache_clear()  # what is prepared for all graphs is prepared while one is recorded as well
    for _ in range(3):
        assert_equal(net(x), first)
    assert len(net.replay._known.value) == 1


@needs_graphs
def test_weights_that_are_loaded_replace_those_in_the_graph():
    net, x = Net(32), batch(1, 20, 50, 32)
    before = [np.array(net(x)) for _ in range(3)]
    net.layers[0][1].running_mean = mx.ones((32,))
    after = np.array(net(x))
    assert np.abs(after - before[-1]).max() > 0.1
    np.testing.assert_array_equal(after, np.array(net(x)))


def test_a_network_in_training_has_no_graphs():
    net = Net(8)
    net.layers[0][1].train()
    x = batch(2, 5, 9, 8)
    for _ in range(3):
        mean = np.array(net.layers[0][1].running_mean)
        net(x)
        assert np.abs(np.array(net.layers[0][1].running_mean) - mean).max() > 0


@needs_graphs
def test_each_thread_has_its_own_graphs():
    net, x = Net(32), batch(1, 40, 100, 32)
    first, others = [np.array(net(x)) for _ in range(3)][-1], []
    for _ in range(2):
        thread = threading.Thread(target=lambda: others.extend(np.array(net(x)) for _ in range(3)))
        thread.start()
        thread.join()
    assert len(others) == 6
    for other in others:
        np.testing.assert_array_equal(other, first)


@needs_graphs
def test_a_copied_network_begins_anew():
    net, x = Net(8), batch(1, 5, 9, 8)
    first = [np.array(net(x)) for _ in range(3)][-1]
    other = copy.deepcopy(net)
    other.layers[0][1].running_mean = mx.ones((8,))
    for _ in range(3):
        assert np.abs(np.array(other(x)) - first).max() > 0.1
    assert_equal(net(x), first)


@needs_graphs
def test_graphs_do_not_keep_their_network():
    net, x = Net(8), batch(1, 5, 9, 8)
    mx.eval([net(x) for _ in range(3)])
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


@needs_graphs
def test_a_graph_is_set_up_anew_for_another_stream():
    counted, x = Counted(), batch(1, 5, 3)
    for stream in (mx.default_stream(mx.cpu), mx.new_stream(mx.cpu)):
        with mx.stream(stream):
            for _ in range(3):
                assert_equal(counted(x), mx.maximum(x + 1, 0))
    assert counted.calls == 3


@needs_graphs
def test_an_error_is_the_same_each_time():
    counted = Counted()
    counted.constant = mx.ones((7,))
    for _ in range(3):
        with pytest.raises(ValueError, match="broadcast"):
            counted(batch(1, 5, 3))


@needs_graphs
def test_nothing_is_fused_in_a_graph_and_elsewhere_it_still_is(tmp_path):
    counted, x = Counted(), batch(1, 5, 3)
    y = [counted(x) for _ in range(3)][-1]
    fused = mx.compile(lambda x: mx.maximum(x + 1, 0))(x)
    for array, name in ((y, "kept"), (fused, "fused")):
        mx.export_to_dot(str(tmp_path / name), array)
    assert "Compiled" not in (tmp_path / "kept").read_text()
    assert "Compiled" in (tmp_path / "fused").read_text()


@needs_graphs
def test_long_inputs_of_products_in_threads_keep_their_order():
    counted = Counted()
    with products_in_threads():
        for _ in range(3):
            counted(batch(1, 1000, 2))
        assert counted.calls == (3 if replay.threaded() else 2)


def test_without_graphs_functions_are_called(monkeypatch):
    monkeypatch.setattr(replay, "_keeps_graphs", lambda: False)
    counted, x = Counted(), batch(1, 5, 3)
    for _ in range(4):
        assert_equal(counted(x), mx.maximum(x + 1, 0))
    assert counted.calls == 4
