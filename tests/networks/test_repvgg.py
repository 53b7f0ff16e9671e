"""RepVGG's blocks: PyTorch's gradients; one convolution in inference, in MLX and in ONNX graphs."""

import numpy as np
import pytest
from built import built

from nnet.networks.repvgg import VARIANTS, RepBlock, RepVgg, RepVggOptions
from nnet.ops import mx, nn, tree_flatten
from nnet.ops.gradients import inference
from nnet.ops.onnx_graph import OnnxGraph
from nnet.pretrained.layouts import from_torch
from nnet.pretrained.names import their_name


def trained_like(variant, base_width):
    """A network in eval mode with statistics, scales and offsets of a trained one's size."""
    mx.random.seed(0)
    network = built(RepVgg, 24, variant=variant, base_width=base_width).eval()
    rng, weights = np.random.default_rng(0), []
    draw = {
        "running_mean": lambda shape: rng.normal(0, 0.3, shape),
        "running_var": lambda shape: rng.uniform(0.2, 2, shape),
        "weight": lambda shape: rng.uniform(0.3, 1.5, shape),
        "bias": lambda shape: rng.normal(0, 0.3, shape),
    }
    for name, array in tree_flatten(network.parameters()):
        *_, owner, kind = name.split(".")
        drawn = draw[kind](array.shape) if owner.endswith("_bn") else np.array(array)
        weights.append((name, mx.array(drawn.astype(np.float32))))
    network.load_weights(weights)
    return network


def blocks_of(network):
    return [(name, module) for name, module in network.named_modules() if isinstance(module, RepBlock)]


def assert_same_frames(ours, theirs):
    ours, theirs = np.array(ours), np.array(theirs)
    assert np.linalg.norm(ours - theirs) < 1e-5 * np.linalg.norm(theirs)


@pytest.mark.parametrize("variant, base_width", [("TINY_A0", 8), ("RSBB_A0", 8), ("D2SE", 8)])
def test_the_sum_of_the_branches_is_one_convolution(variant, base_width, features):
    network = trained_like(variant, base_width)
    x = mx.array(features(2, 45, 24))
    branches = network(x)
    with inference():
        assert_same_frames(network(x), branches)
    fused = RepVgg(24, RepVggOptions(variant, base_width, fused=True)).eval()
    weights = {}
    for name, block in blocks_of(network):
        weights[f"{name}.fused.weight"], weights[f"{name}.fused.bias"] = block.merged()
        weights |= {f"{name}.{n}": w for n, w in tree_flatten(block.parameters()) if n.startswith("se.")}
    fused.load_weights(list(weights.items()))
    assert_same_frames(fused(x), branches)


def test_a_graph_has_one_convolution_a_block():
    pytest.importorskip("onnx")
    network = trained_like("A0", 4)
    graph = OnnxGraph()
    with inference():
        network(graph.input("feats", ("B", "T", 24)))
    assert [node.op_type for node in graph.nodes].count("Conv") == 1 + sum(VARIANTS["A0"].depths)


@pytest.mark.parametrize(
    "channels, stride, groups, form",
    [
        ((8, 8), 1, 1, {}),
        ((8, 12), 2, 4, {"gate": True}),
        ((8, 8), 1, 2, {"dilated": True}),
        ((1, 8), 1, 1, {"dilated": True}),
        ((8, 8), 2, 4, {"fused": True}),
    ],
)
def test_gradients_of_a_block_are_exact(channels, stride, groups, form, features):
    """Of so few activations, none is so near to zero that a rounding moves it to the other side."""
    torch = pytest.importorskip("torch")
    twins = pytest.importorskip("benchmarks.torch_networks")
    torch.manual_seed(0)
    plain = {"dilated": False, "gate": False, "fused": False}
    twin = twins.randomize(twins.RepBlock(*channels, stride, groups, **plain | form))
    state = {name: tensor.numpy().copy() for name, tensor in twin.state_dict().items()}
    block = RepBlock(*channels, stride, groups, **form)
    names = {name: their_name(f"network.stage0.{name}", "repvgg").removeprefix("stage0.") for name in _flat(block)}
    block.load_weights([(n, mx.array(from_torch(state[names[n]], w.ndim))) for n, w in _flat(block).items()])
    x, target = features(2, 9, 10, channels[0]), features(2, channels[1], 1, 1)
    y = twin.double()(torch.from_numpy(x).double().permute(0, 3, 1, 2))
    (y.square() * torch.from_numpy(target)).sum().backward()
    weight = mx.array(target).transpose(0, 2, 3, 1)
    gradients = nn.value_and_grad(block, lambda x: mx.sum(mx.square(block(x)) * weight))(mx.array(x))[1]
    theirs = dict(twin.named_parameters())
    for name, ours in tree_flatten(gradients):
        expected = from_torch(theirs[names[name]].grad.numpy(), ours.ndim)
        assert np.linalg.norm(np.array(ours) - expected) < 1e-4 * np.linalg.norm(expected), name


def _flat(module):
    return dict(tree_flatten(module.parameters()))
