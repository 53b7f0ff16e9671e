"""tf-kaldi-speaker's self-attention against its definition in numpy, float64."""

import numpy as np
import pytest
from scipy.special import softmax

from nnet.errors import InputError
from nnet.ops import mx


def dense(x, w, name, kind, slope):
    x = x @ w[f"{name}.affine.weight"].T + w[f"{name}.affine.bias"]
    if kind == "tanh":
        return np.tanh(x)
    if kind == "bn-relu":
        x = normalized(x, w, f"{name}.bn")
    return rectified(x, w, f"{name}.relu", slope) if "relu" in kind else x


def normalized(x, w, name):
    x = (x - w[f"{name}.running_mean"]) / np.sqrt(w[f"{name}.running_var"] + 1e-5)
    return x * w[f"{name}.weight"] + w[f"{name}.bias"]


def rectified(x, w, name, slope):
    return np.where(x > 0, x, w.get(f"{name}.weight", slope) * x)


def network(x, w, name, depth, kind, slope=0.0):
    x = x.astype(np.float64)
    for i in range(depth):
        x = dense(x, w, f"{name}.layers.{i}", kind if i == depth - 1 else "bn-relu", slope)
    return x


def pooled(keys, values, query, heads, split_key, use_scale=True):
    """Weights a head, and the statistics: all heads' means, then all heads' deviations."""
    query = query.reshape(heads, -1)
    means, deviations, weights = [], [], []
    for h in range(heads):
        key = np.split(keys, heads, axis=-1)[h] if split_key else keys
        value = np.split(values, heads, axis=-1)[h]
        a = softmax(key @ query[h] / (np.sqrt(key.shape[-1]) if use_scale else 1), axis=1)[..., None]
        mean = (a * value).sum(axis=1, keepdims=True)
        means.append(mean[:, 0])
        deviations.append(np.sqrt(np.maximum((a * (value - mean) ** 2).sum(axis=1), 1e-12)))
        weights.append(a[..., 0])
    return np.stack(weights, axis=1), np.concatenate(means + deviations, axis=-1)


@pytest.mark.parametrize("kind", ["affine", "relu", "bn-relu", "tanh"])
@pytest.mark.parametrize("split_key", [False, True])
@pytest.mark.parametrize("use_scale", [False, True])
def test_keys_heads_and_scale(build, weights, frames, check, kind, split_key, use_scale):
    pooling = build(
        "self_attention", key_dims=(8, 6), key_type=kind, num_heads=3, split_key=split_key, use_scale=use_scale
    )
    w, (x, _) = weights(pooling), frames()
    _, expected = pooled(network(x, w, "key", 2, kind), x, w["query"], 3, split_key, use_scale)
    check(pooling, x, expected)


@pytest.mark.parametrize(("relu", "slope"), [("relu", 0.0), ("lrelu", 0.2), ("prelu", 0.2)])
def test_endpoints_values_and_nonlinearity(build, weights, frames, check, relu, slope):
    pooling = build(
        "self_attention",
        key_input="tdnn4.relu",
        key_dims=(6,),
        key_type="relu",
        value_input="tdnn5.relu",
        value_dims=(9, 4),
        value_type="bn-relu",
        num_heads=2,
        nonlinear=True,
        relu=relu,
        slope=0.2,
    )
    assert pooling.inputs == ("tdnn4.relu", "tdnn5.relu")
    w, (x, endpoints) = weights(pooling), frames()
    keys = network(endpoints["tdnn4.relu"], w, "key", 1, "relu", slope)
    values = network(endpoints["tdnn5.relu"], w, "value", 2, "bn-relu", slope)
    _, statistics = pooled(keys, values, w["query"], 2, split_key=False)
    check(pooling, x, rectified(normalized(statistics, w, "bn"), w, "relu", slope), endpoints)


def test_penalty_and_weights(build, weights, frames):
    pooling = build("self_attention", key_dims=(6,), num_heads=2, penalty=0.3)
    w, (x, _) = weights(pooling), frames()
    a, statistics = pooled(network(x, w, "key", 1, "tanh"), x, w["query"], 2, split_key=False)
    endpoints = {}
    pooling(mx.array(x), endpoints)
    np.testing.assert_allclose(endpoints["attention_weights"], a, rtol=1e-4)
    np.testing.assert_allclose(endpoints["attention_output"], statistics, rtol=1e-4, atol=1e-5)
    expected = 0.3 * np.mean([((a_i @ a_i.T - np.eye(2)) ** 2).sum() for a_i in a])
    np.testing.assert_allclose(pooling.penalty(endpoints).item(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key_input": "tdnn4.rel"}, 'no endpoint tdnn4.rel; did you mean "tdnn4.relu"'),
        ({"num_heads": 5}, "num_heads 5 does not divide the width of the values, 12"),
        ({"num_heads": 4, "split_key": True, "key_dims": (6,)}, "num_heads 4 does not divide the width of the keys, 6"),
    ],
)
def test_impossible_options_are_refused(build, options, message):
    with pytest.raises(InputError, match=message):
        build("self_attention", **options)


def test_keys_and_values_of_different_lengths_are_refused(build, frames):
    pooling = build("self_attention", key_input="tdnn4.relu", key_dims=(6,))
    x, endpoints = frames()
    with pytest.raises(InputError, match="tdnn4.relu has 9 frames where value_input output has 7"):
        pooling(mx.array(x[:, 2:]), {k: mx.array(v) for k, v in endpoints.items()})
