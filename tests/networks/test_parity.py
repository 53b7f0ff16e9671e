"""Each network against the same network in PyTorch with the same weights: frames within 1e-4.

Narrow whole models, read from the twin's checkpoint, are held more closely: embeddings within 1e-5 of their length, and
the gradient of every weight within 1e-4 of its own.
"""

import numpy as np
import pytest
from built import built

from nnet.networks import NETWORKS
from nnet.ops import mx, nn, tree_flatten
from nnet.pretrained.convert import convert
from nnet.pretrained.layouts import from_torch
from nnet.pretrained.names import their_name

torch = pytest.importorskip("torch")
twins = pytest.importorskip("benchmarks.torch_networks")

CASES = {
    "xvector": ("tdnn", {}, lambda: twins.XVector(40)),
    "tf-kaldi tdnn": (
        "tdnn",
        {"dims": (32, 32, 32, 32, 48), "kernels": (5, 5, 7, 1, 1), "dilations": (1,) * 5, "order": "bn-relu"},
        lambda: twins.XVector(40, (32, 32, 32, 32, 48), (5, 5, 7, 1, 1), (1,) * 5, "bn-relu"),
    ),
    "ftdnn": (
        "ftdnn",
        {"width": 48, "bottleneck": 16, "first_dim": 32, "out_dim": 40},
        lambda: twins.Ftdnn(40, 48, 16, 32, 40),
    ),
    "resnet34": ("resnet", {"channels": 8}, lambda: twins.ResNet(34, 40, 8)),
    "resnet50": ("resnet", {"depth": 50, "channels": 4}, lambda: twins.ResNet(50, 40, 4)),
    "resnet18 with gates": (
        "resnet",
        {"depth": 18, "channels": 8, "se_reduction": 4},
        lambda: twins.ResNet(18, 40, 8, se_reduction=4),
    ),
    "ecapa_tdnn": ("ecapa_tdnn", {"channels": 64}, lambda: twins.EcapaTdnn(64, 40)),
    "campplus": ("campplus", {"blocks": (3, 4, 2)}, lambda: twins.CamPlusPlus(40, blocks=(3, 4, 2))),
    "repvgg": (
        "repvgg",
        {"base_width": 8},
        lambda: twins.RepVgg((3, 4, 23, 3), (4, 4, 8, 16, 32), feat_dim=40),
    ),
    "repvgg, dilated": (
        "repvgg",
        {"variant": "RSBB_A0", "base_width": 8},
        lambda: twins.RepVgg((2, 4, 14, 1), (6, 6, 12, 24, 160), dilated=True, feat_dim=40),
    ),
    "repvgg with groups": (
        "repvgg",
        {"variant": "B1g4", "base_width": 4},
        lambda: twins.RepVgg((4, 6, 16, 1), (8, 8, 16, 32, 128), groups=4, feat_dim=40),
    ),
    "next_tdnn": (
        "next_tdnn",
        {"channels": 24, "blocks": 2, "kernels": (3, 7, 65)},
        lambda: twins.NextTdnn(24, 2, (3, 7, 65), feat_dim=40),
    ),
    "next_tdnn, light": (
        "next_tdnn",
        {"channels": 16, "blocks": 1, "kernels": (65,), "light": True},
        lambda: twins.NextTdnn(16, 1, (65,), light=True, feat_dim=40),
    ),
    "redimnet": (
        "redimnet",
        {"channels": 4, "group": 2, "strides": (1, 2, 2), "blocks": (2, 1, 1), "expansions": (1, 1, 2)}
        | {"reductions": (0, 20, 10), "out_channels": 24},
        lambda: twins.ReDimNet([(1, 2, 1, 0), (2, 1, 1, 20), (2, 1, 2, 10)], 40, 4, "convnext", 2, 24),
    ),
    "redimnet with gates": (
        "redimnet",
        {"channels": 4, "block": "gated", "group": 1, "strides": (1, 2), "blocks": (1, 2), "expansions": (3, 1)}
        | {"reductions": (40, 20)},
        lambda: twins.ReDimNet([(1, 1, 3, 40), (2, 2, 1, 20)], 40, 4, "gated", 1),
    ),
    "redimnet2": (
        "redimnet2",
        {"channels": 4, "strides": (1, 2, 1), "time_strides": (1, 1, 2), "blocks": (1, 2, 1)}
        | {"expansions": (2, 1, 0.5), "reductions": (40, 0, 20), "out_channels": 24},
        lambda: twins.ReDimNet([(1, 1, 1, 2, 40), (2, 1, 2, 1, 0), (1, 2, 1, 0.5, 20)], 40, 4, "basic", 1, 24),
    ),
    "redimnet2 with the head of a map": (
        "redimnet2",
        {"channels": 4, "block": "convnext", "strides": (1, 2), "time_strides": (2, 2), "blocks": (1, 1)}
        | {"expansions": (1, 1), "reductions": (20, 20), "out_channels": 6, "out_map": True},
        lambda: twins.ReDimNet([(1, 2, 1, 1, 20), (2, 2, 1, 1, 20)], 40, 4, "convnext", 1, 6, True),
    ),
}
# Relative errors of gradients, 0.3 for the others. One activation that rounding puts on the other side of zero already
# moves a gradient by a percent; without ReLUs there is none.
ERRORS = {"redimnet": 1e-4, "redimnet2 with the head of a map": 1e-4, "redimnet with gates": 0.03, "redimnet2": 0.03}


@pytest.mark.parametrize("frames", [50, 401])
@pytest.mark.parametrize("case", CASES)
def test_frames_equal_pytorch(case, frames, copy_weights, features):
    network_type, options, make_twin = CASES[case]
    torch.manual_seed(0)
    twin = make_twin().eval()
    network = built(NETWORKS[network_type], 40, **options)
    copy_weights(twin, network, network_type)
    network.eval()
    x = features(2, frames, 40)
    with torch.no_grad():
        expected = twin.frames(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(np.array(network(mx.array(x))), expected, atol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_gradients_and_running_statistics_equal_pytorch(case, copy_weights, twin_names, features):
    network_type, options, make_twin = CASES[case]
    torch.manual_seed(0)
    twin = make_twin()
    network = built(NETWORKS[network_type], 40, **options)
    copy_weights(twin, network, network_type)
    x = features(3, 64, 40)
    frames = twin.frames(torch.from_numpy(x))
    target = features(*frames.shape)
    (frames * torch.from_numpy(target)).mean().backward()
    network.train()
    gradients = _gradients(network, x, target)
    theirs = {n: p.grad.numpy() for n, p in twin.named_parameters() if p.grad is not None}
    largest = max(np.linalg.norm(g) for g in theirs.values())
    for name, ours in tree_flatten(gradients):
        expected = from_torch(theirs[twin_names(name, network_type)], ours.ndim)
        bound = ERRORS.get(case, 0.3) * np.linalg.norm(expected) + 1e-5 * largest
        assert np.linalg.norm(np.array(ours) - expected) < bound, name
    buffers = dict(twin.named_buffers())
    for name, ours in tree_flatten(network.parameters()):
        if "running" in name:
            expected = buffers[twin_names(name, network_type)].numpy()
            np.testing.assert_allclose(np.array(ours), expected, rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("case", ["next_tdnn", "next_tdnn, light"])
def test_gradients_without_a_relu_are_exact(case, copy_weights, twin_names, features):
    network_type, options, make_twin = CASES[case]
    torch.manual_seed(0)
    twin = make_twin()
    network = built(NETWORKS[network_type], 40, **options)
    copy_weights(twin, network, network_type)
    x = features(3, 80, 40)
    frames = twin.double().frames(torch.from_numpy(x).double())
    target = features(*frames.shape)
    (frames * torch.from_numpy(target)).mean().backward()
    theirs = {name: p.grad.numpy() for name, p in twin.named_parameters() if p.grad is not None}
    for name, ours in tree_flatten(_gradients(network, x, target)):
        expected = from_torch(theirs[twin_names(name, network_type)], ours.ndim)
        assert np.linalg.norm(np.array(ours) - expected) < 1e-4 * np.linalg.norm(expected), name


def _gradients(network, x, target):
    def loss(x):
        return mx.mean(network(x) * mx.array(target))

    gradients = nn.value_and_grad(network, loss)(mx.array(x))[1]
    mx.eval(gradients, network.parameters())
    return gradients


# Twins with few activations, so that none is so close to zero that rounding decides whether a ReLU lets it pass.
MODELS = {
    "simam_resnet": lambda: twins.SimAmResNet(18, 16, 4, embed_dim=8),
    "df_resnet": lambda: twins.DfResNet((1, 2, 1, 1), 16, 4, embed_dim=8),
    "xi-vector of ecapa_tdnn": lambda: twins.EcapaTdnn(16, 16, 8, bottleneck=8, out_dim=24, posterior=True),
    "xi-vector of tdnn": lambda: twins.XVector(16, (16, 16, 16, 16, 24), embed_dim=8, posterior=True),
}


@pytest.fixture(params=MODELS)
def pair(request, tmp_path):
    """A twin and the model that its checkpoint is converted to."""
    torch.manual_seed(0)
    twin = twins.randomize(MODELS[request.param]()).eval()
    torch.save(twin.state_dict(), tmp_path / "avg_model.pt")
    return twin, convert(str(tmp_path / "avg_model.pt"))


def _embedding(twin, x):
    """The embedding that the loss sees: of two, the second one."""
    output = twin(torch.from_numpy(x))
    return output[-1] if isinstance(output, tuple) else output


@pytest.mark.parametrize("frames", [16, 237])
def test_embeddings_equal_pytorch(pair, frames, features):
    twin, converted = pair
    x = features(3, frames, 16)
    expected = _embedding(twin, x).detach().numpy()
    error = np.linalg.norm(np.array(converted.model(mx.array(x))) - expected, axis=1)
    assert (error < 1e-5 * np.linalg.norm(expected, axis=1)).all()


def test_gradients_equal_pytorch(pair, features):
    twin, converted = pair
    model, network_type = converted.model.train(), converted.config.network.type
    x, target = features(6, 24, 16), features(6, 8)
    (_embedding(twin.train(), x) * torch.from_numpy(target)).mean().backward()
    theirs = {name: parameter.grad.numpy() for name, parameter in twin.named_parameters()}
    largest = max(np.linalg.norm(gradient) for gradient in theirs.values())
    for name, ours in tree_flatten(_gradients(model, x, target)):
        expected = from_torch(theirs.pop(their_name(name, network_type)), ours.ndim)
        bound = 1e-4 * np.linalg.norm(expected) + 1e-6 * largest  # some gradients are zero
        assert np.linalg.norm(np.array(ours) - expected) < bound, name
    assert not theirs
