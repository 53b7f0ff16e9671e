"""Optimisers against float64 numpy twins of their papers' formulas."""

import numpy as np
import pytest
from built import built

from nnet.ops import mx, nn, tree_flatten
from nnet.optim.optimizers import OPTIMIZERS, Sgd, SgdOptions, clip_gradients

DECAY = 0.1


class Toy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.loss = nn.Linear(2, 2, bias=False)


def twin_sgd(w, g, m, t):
    return w - 0.5 * (g + DECAY * w)


def twin_momentum(w, g, m, t):
    m["v"] = 0.9 * m.get("v", 0) + g + DECAY * w
    return w - 0.5 * m["v"]


def twin_nesterov(w, g, m, t):
    g = g + DECAY * w
    m["v"] = 0.9 * m.get("v", 0) + g
    return w - 0.5 * (g + 0.9 * m["v"])


def adam_step(g, m, t):
    m["m"] = 0.9 * m.get("m", 0) + 0.1 * g
    m["s"] = 0.999 * m.get("s", 0) + 0.001 * g * g
    return m["m"] / (1 - 0.9**t) / (np.sqrt(m["s"] / (1 - 0.999**t)) + 1e-8)


def twin_adam(w, g, m, t):
    return w - 0.5 * adam_step(g + DECAY * w, m, t)


def twin_adamw(w, g, m, t):
    return w - 0.5 * (adam_step(g, m, t) + DECAY * w)


@pytest.mark.parametrize(
    ("name", "options", "twin"),
    [
        ("sgd", {}, twin_sgd),
        ("momentum", {}, twin_momentum),
        ("momentum", {"nesterov": True}, twin_nesterov),
        ("momentum", {"momentum": 0.0, "nesterov": True}, twin_sgd),
        ("adam", {}, twin_adam),
        ("adamw", {}, twin_adamw),
    ],
)
def test_five_steps_follow_the_formula(name, options, twin):
    optimizer, module, rng = built(OPTIMIZERS[name], weight_decay=DECAY, **options), Toy(), np.random.default_rng(0)
    weights = {n: np.array(w, np.float64) for n, w in tree_flatten(module.parameters())}
    memory = {n: {} for n in weights}
    for t in range(1, 6):
        grads = {n: rng.normal(size=w.shape) for n, w in weights.items()}
        tree = {"layer": {"weight": 0, "bias": 0}, "loss": {"weight": 0}}
        for name, g in grads.items():
            section, key = name.split(".")
            tree[section][key] = mx.array(g.astype(np.float32))
        optimizer.update(module, tree, 0.5)
        weights = {n: twin(w, grads[n].astype(np.float32).astype(float), memory[n], t) for n, w in weights.items()}
    for name, value in tree_flatten(module.parameters()):
        assert np.allclose(np.array(value), weights[name], atol=1e-5), name


def test_decay_by_section_and_by_shape():
    optimizer, module = Sgd(SgdOptions(weight_decay=0.5, loss_weight_decay=0.0, decay_all=False)), Toy()
    before = {n: np.array(w) for n, w in tree_flatten(module.parameters())}
    zeros = {"layer": {"weight": mx.zeros((2, 3)), "bias": mx.zeros(2)}, "loss": {"weight": mx.zeros((2, 2))}}
    optimizer.update(module, zeros, 1.0)
    after = {n: np.array(w) for n, w in tree_flatten(module.parameters())}
    assert np.allclose(after["layer.weight"], 0.5 * before["layer.weight"])
    assert np.array_equal(after["layer.bias"], before["layer.bias"])
    assert np.array_equal(after["loss.weight"], before["loss.weight"])


def test_clipping_scales_all_gradients_together():
    grads = {"a": mx.array([3.0]), "b": mx.array([4.0])}
    clipped, norm = clip_gradients(grads, 1.0)
    assert norm.item() == pytest.approx(5.0)
    assert clipped["a"].item() == pytest.approx(0.6, rel=1e-4)
    assert clip_gradients(grads, 10.0)[0]["b"].item() == pytest.approx(4.0)
