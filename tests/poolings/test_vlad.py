"""NetVLAD and GhostVLAD against their papers' equations in numpy, float64."""

import numpy as np
import pytest
from scipy.special import softmax


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


@pytest.mark.parametrize("ghosts", [0, 2])
@pytest.mark.parametrize("final_l2_norm", [False, True])
def test_vlad(build, weights, frames, check, ghosts, final_l2_norm):
    pooling = build("vlad", num_centers=3, num_ghosts=ghosts, final_l2_norm=final_l2_norm)
    w, (x, _) = weights(pooling), frames()
    a = softmax(x @ w["assignment.weight"].T + w["assignment.bias"], axis=-1)  # (B, T, K + G)
    assert a.shape[-1] == 3 + ghosts
    residuals = x[:, :, None] - w["centers"]  # (B, T, K, D)
    clusters = unit((a[..., :3, None] * residuals).sum(axis=1))
    expected = clusters.reshape(len(x), -1)
    check(pooling, x, unit(expected) if final_l2_norm else expected)


def test_key_and_value_networks_read_endpoints(build, weights, frames, check):
    pooling = build("vlad", num_centers=3, key_input="tdnn4.relu", key_dims=(7,), value_dims=(5,))
    assert pooling.inputs == ("tdnn4.relu",)
    w, (x, endpoints) = weights(pooling), frames()

    def dense(x, name):
        x = x @ w[f"{name}.affine.weight"].T + w[f"{name}.affine.bias"]
        x = (x - w[f"{name}.bn.running_mean"]) / np.sqrt(w[f"{name}.bn.running_var"] + 1e-5)
        return np.maximum(x * w[f"{name}.bn.weight"] + w[f"{name}.bn.bias"], 0)

    keys, values = dense(endpoints["tdnn4.relu"], "key.layers.0"), dense(x, "value.layers.0")
    a = softmax(keys @ w["assignment.weight"].T + w["assignment.bias"], axis=-1)
    residuals = values[:, :, None] - w["centers"]
    clusters = unit((a[..., None] * residuals).sum(axis=1))
    check(pooling, x, unit(clusters.reshape(len(x), -1)), endpoints)
