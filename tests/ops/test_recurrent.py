"""The LSTM, and the normalization and maxima over time, against PyTorch: by MLX, in shards, and as ONNX graphs."""

import numpy as np
import pytest

from nnet import ops
from nnet.model.engine import open_session
from nnet.networks.layers import InstanceNorm, Lstm
from nnet.ops import mx, nn
from nnet.ops.lanes import on_cpu
from nnet.ops.onnx_graph import OnnxGraph

torch = pytest.importorskip("torch")
GATES = (0, 1, 3, 2)  # of PyTorch, in our order


def ours_of(theirs, directions):
    """An Lstm with the weights of a torch.nn.LSTM of one layer."""
    layer = Lstm(theirs.input_size, theirs.hidden_size, directions)
    weights = {name: tensor.detach().numpy() for name, tensor in theirs.named_parameters()}
    ends = ["", "_reverse"][:directions]

    def stacked(part):
        rows = [np.split(weights[f"{part}_l0{end}"], 4) for end in ends]
        return np.stack([np.concatenate([gates[i] for i in GATES]) for gates in rows])

    layer.input_weight, layer.state_weight = mx.array(stacked("weight_ih")), mx.array(stacked("weight_hh"))
    layer.bias = mx.array(stacked("bias_ih") + stacked("bias_hh"))
    return layer


def by_onnx(layer, x):
    pytest.importorskip("onnxruntime")
    graph = OnnxGraph()
    content = graph.model(layer(graph.input("x", ("B", "T", x.shape[2]))), "y").SerializeToString()
    return open_session(content).run(None, {"x": x})[0]


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("batch,frames", [(1, 1), (3, 40), (40, 7)])
def test_lstm_equals_pytorchs(directions, batch, frames):
    torch.manual_seed(0)
    theirs = torch.nn.LSTM(5, 32, batch_first=True, bidirectional=directions == 2)
    layer = ours_of(theirs, directions)
    x = np.random.default_rng(1).normal(size=(batch, frames, 5)).astype(np.float32)
    expected = theirs(torch.from_numpy(x))[0].detach().numpy()
    np.testing.assert_allclose(layer(mx.array(x)), expected, atol=2e-6)
    if on_cpu():
        shards = ops.gather(layer(ops.spread([mx.array(x[:1]), mx.array(x)])))
        np.testing.assert_allclose(shards, [*expected[:1], *expected], atol=2e-6)
    np.testing.assert_allclose(by_onnx(layer, x), expected, atol=2e-6)


def test_gradients_of_the_lstm_equal_pytorchs():
    torch.manual_seed(0)
    theirs = torch.nn.LSTM(4, 6, batch_first=True, bidirectional=True)
    layer = ours_of(theirs, 2)
    x = np.random.default_rng(2).normal(size=(2, 9, 4)).astype(np.float32)
    given = torch.from_numpy(x).requires_grad_()
    theirs(given)[0].square().sum().backward()
    _, grads = nn.value_and_grad(layer, lambda layer, x: mx.sum(mx.square(layer(x))))(layer, mx.array(x))
    expected = theirs.weight_hh_l0_reverse.grad.numpy()
    expected = np.concatenate([np.split(expected, 4)[gate] for gate in GATES])
    np.testing.assert_allclose(grads["state_weight"][1], expected, rtol=1e-4, atol=1e-5)
    by_input = mx.grad(lambda x: mx.sum(mx.square(layer(x))))(mx.array(x))
    np.testing.assert_allclose(by_input, given.grad, rtol=1e-4, atol=1e-5)


def test_normalization_and_maxima_equal_pytorchs():
    rng = np.random.default_rng(3)
    x = (5 + 2 * rng.normal(size=(2, 700, 3))).astype(np.float32)  # more than a block of a sum over time
    weight, bias = rng.normal(size=(2, 3)).astype(np.float32)
    norm = InstanceNorm(3)
    norm.weight, norm.bias = mx.array(weight), mx.array(bias)

    def layer(x):
        return ops.max_pool(ops.absolute(norm(x)), size=3)

    first = torch.from_numpy(x).transpose(1, 2)
    first = torch.nn.functional.instance_norm(first, weight=torch.from_numpy(weight), bias=torch.from_numpy(bias))
    expected = torch.nn.functional.max_pool1d(first.abs(), 3).transpose(1, 2).numpy()
    np.testing.assert_allclose(layer(mx.array(x)), expected, atol=2e-6)
    np.testing.assert_allclose(by_onnx(layer, x), expected, atol=2e-6)
