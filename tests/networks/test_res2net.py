"""Res2Net, ERes2Net and ERes2NetV2 against PyTorch in float64: equal but for the rounding of float32."""

import numpy as np
import pytest
from built import built

from nnet import ops
from nnet.errors import InputError
from nnet.networks import NETWORKS
from nnet.ops import mx, nn, tree_flatten
from nnet.ops.sharded import Sharded
from nnet.pretrained.layouts import from_torch

DIM, CHANNELS, BLOCKS = 16, 8, (1, 2, 1, 1)
# The network's options, its twin, and a seed with which no value is at a corner of a ReLU; see `DISTANCE`.
CASES = {
    "res2net": ({"scale": 3}, "Res2Net", 28),
    "eres2net": ({"base_width": 24, "scale": 3, "expansion": 4}, "ERes2Net", 25),
    "eres2netv2": ({"base_width": 26}, "ERes2NetV2", 31),
}
DISTANCE = 1e-5  # float32 rounds less, so every value is on the same side of the corner in both


@pytest.fixture(params=CASES)
def pair(request, twin_names):
    """(our network, its twin in float64 with the same weights, function our name → its name)."""
    torch, twins = pytest.importorskip("torch"), pytest.importorskip("benchmarks.torch_networks")
    options, cls, seed = CASES[request.param]
    torch.manual_seed(seed)
    twin = getattr(twins, cls)(DIM, CHANNELS, embed_dim=12, num_blocks=BLOCKS, **options)
    twins.randomize(twin).layer1[0].bn1.weight.data *= 15  # so that some values are above the limit of the ReLUs
    learn_statistics(twin, torch.from_numpy(features(200)))
    network, state = built(NETWORKS[request.param], DIM, channels=CHANNELS, blocks=BLOCKS, **options), twin.state_dict()
    names = {name: twin_names(name, request.param) for name, _ in tree_flatten(network.parameters())}
    network.load_weights([(name, mx.array(from_torch(state[their].numpy(), 4))) for name, their in names.items()])
    return network, twin.double(), names


def features(frames):
    """Features (4, frames, DIM), the same for the same length."""
    return np.random.default_rng(frames).standard_normal((4, frames, DIM)).astype(np.float32)


def learn_statistics(twin, x):
    """Gives the normalizations of a twin the statistics of x, as training does."""
    norms = [module for module in twin.modules() if hasattr(module, "running_mean")]
    for norm in norms:
        norm.momentum = 1.0
    twin.train()(x)
    for norm in norms:
        norm.momentum = 0.1


def in_shards(x):
    return Sharded([x[:1], x[1:]])


@pytest.mark.parametrize("frames", [67, 200])
def test_embeddings_in_evaluation(pair, frames):
    torch = pytest.importorskip("torch")
    network, twin, _ = pair
    network.eval()
    twin.eval()
    x = features(frames)

    def embedding(frames):
        return twin.seg_1(twin.pool(frames.transpose(1, 2)))

    with torch.no_grad():
        expected = embedding(twin.frames(torch.from_numpy(x).double()))
        for ours in (network(mx.array(x)), ops.gather(network(in_shards(mx.array(x))))):
            error = embedding(torch.from_numpy(np.array(ours)).double()) - expected
            assert (torch.linalg.norm(error, dim=1) < 1e-5 * torch.linalg.norm(expected, dim=1)).all()


@pytest.mark.parametrize("put", [mx.array, in_shards], ids=["array", "shards"])
def test_gradients_and_statistics_in_training(pair, put):
    torch = pytest.importorskip("torch")
    network, twin, names = pair
    x, distances = features(33), []
    watch(twin, distances)
    frames = twin.train().frames(torch.from_numpy(x).double())
    target = np.random.default_rng(1).standard_normal(frames.shape).astype(np.float32)
    (frames * torch.from_numpy(target)).sum().backward()
    assert min(distances) > DISTANCE, "another seed is needed"

    def loss(x):
        return mx.sum(ops.gather(network(put(x))) * mx.array(target))

    gradients = dict(tree_flatten(nn.value_and_grad(network.train(), loss)(mx.array(x))[1]))
    theirs = {name: parameter.grad.numpy() for name, parameter in twin.named_parameters() if parameter.grad is not None}
    largest = max(np.linalg.norm(gradient) for gradient in theirs.values())
    for name, ours in gradients.items():
        expected = from_torch(theirs[names[name]], ours.ndim)
        # The second term is for biases before a normalization, whose gradients are 0 but for rounding.
        bound = 1e-4 * np.linalg.norm(expected) + 1e-6 * largest
        assert np.linalg.norm(np.array(ours) - expected) < bound, name
    buffers = dict(twin.named_buffers())
    for name, ours in tree_flatten(network.parameters()):
        if "running" in name:
            np.testing.assert_allclose(ours, buffers[names[name]], rtol=1e-5, atol=1e-5, err_msg=name)


def watch(twin, distances):
    """Collects how near the inputs of a twin's ReLUs come to their corners."""
    for module in twin.modules():
        corners = {"ReLU": (0,), "Hardtanh": (0, 20)}.get(type(module).__name__, ())
        for corner in corners:
            module.register_forward_hook(
                lambda module, inputs, _, corner=corner: distances.append((inputs[0] - corner).abs().min().item())
            )


def test_limits_of_the_relus_are_reached(pair):
    torch = pytest.importorskip("torch")
    _, twin, _ = pair
    largest = []
    twin.layer1[0].relu.register_forward_hook(lambda module, inputs, output: largest.append(output.max().item()))
    twin(torch.from_numpy(features(33)).double())
    assert max(largest) == 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": (3, 4, 6)}, "network.blocks needs 4 numbers, one a stage, not 3"),
        ({"channels": 2, "base_width": 26}, "leaves no channel for a group of a block"),
    ],
)
def test_sizes_that_make_no_network_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        built(NETWORKS["eres2net"], DIM, **options)
