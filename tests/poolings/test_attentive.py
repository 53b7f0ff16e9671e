"""Attentive poolings against their papers' equations in numpy, float64."""

import numpy as np
import pytest
from scipy.special import softmax


def attend(x, scores, floor):
    """Okabe et al. 2018 in the paper's form, E[x²] − mean²: x (B, T, C), scores (B, T, C or 1)."""
    weights = softmax(scores, axis=1)
    mean = (weights * x).sum(axis=1)
    variance = (weights * x**2).sum(axis=1) - mean**2
    return np.concatenate([mean, np.sqrt(np.maximum(variance, floor))], axis=-1)


def affine(x, w, name):
    """A convolution of kernel 1."""
    return x @ w[f"{name}.weight"][:, 0].T + w[f"{name}.bias"]


@pytest.mark.parametrize("channelwise", [False, True])
def test_attentive_statistics(build, weights, frames, check, channelwise):
    pooling = build("attentive_statistics", hidden_dim=7, channelwise=channelwise)
    w, (x, _) = weights(pooling), frames()
    hidden = np.maximum(affine(x, w, "linear1"), 0)
    hidden = (hidden - w["bn.running_mean"]) / np.sqrt(w["bn.running_var"] + 1e-5) * w["bn.weight"] + w["bn.bias"]
    scores = affine(hidden, w, "linear2")
    assert scores.shape[-1] == (12 if channelwise else 1)
    check(pooling, x, attend(x, scores, 1e-5))


@pytest.mark.parametrize("global_context", [False, True])
def test_channel_attention(build, weights, frames, check, global_context):
    pooling = build("channel_attention", hidden_dim=7, global_context=global_context)
    w, (x, _) = weights(pooling), frames()
    seen = x.astype(np.float64)
    if global_context:
        mean = np.broadcast_to(x.mean(axis=1, keepdims=True), x.shape)
        deviation = np.broadcast_to(np.sqrt(x.var(axis=1, ddof=1, keepdims=True) + 1e-7), x.shape)
        seen = np.concatenate([x, mean, deviation], axis=-1)
    scores = affine(np.tanh(affine(seen, w, "linear1")), w, "linear2")
    check(pooling, x, attend(x, scores, 1e-7))


def multi_head(x, w, prefix, heads, layers):
    outputs = []
    for i, group in enumerate(np.split(x, heads, axis=-1)):
        scores = group
        for j in range(layers):
            scores = affine(np.tanh(scores) if j else scores, w, f"{prefix}heads.{i}.layers.{j}")
        outputs.append(attend(group, scores, 1e-7))
    return np.concatenate(outputs, axis=-1)


@pytest.mark.parametrize(("layers", "heads", "channelwise"), [(1, 4, False), (2, 2, False), (3, 3, True)])
def test_multi_head_attention(build, weights, frames, check, layers, heads, channelwise):
    pooling = build("multi_head_attention", num_layers=layers, num_heads=heads, channelwise=channelwise, hidden_dim=5)
    x, _ = frames()
    check(pooling, x, multi_head(x.astype(np.float64), weights(pooling), "", heads, layers))


def test_multi_query_attention(build, weights, frames, check):
    pooling = build("multi_query_attention", num_queries=3, num_heads=4, hidden_dim=5)
    w, (x, _) = weights(pooling), frames()
    expected = [multi_head(x.astype(np.float64), w, f"queries.{q}.", 4, 2) for q in range(3)]
    check(pooling, x, np.concatenate(expected, axis=-1))
    assert w["queries.0.heads.0.layers.1.weight"].shape == (3, 1, 5)  # a weight for every channel of the head
