"""The xi-vector's posterior pooling against its definition in numpy, float64."""

import numpy as np
import pytest


@pytest.mark.parametrize("level", [0.0, -40.0, 5000.0])
def test_posterior_mean(build, weights, frames, check, level):
    """At an extreme level the precision of every frame is at its bound."""
    pooling = build("posterior", hidden_dim=7)
    pooling.scores.bias = pooling.scores.bias + level
    w, (x, _) = weights(pooling), frames()
    hidden = np.maximum(x @ w["hidden.weight"][:, 0].T + w["hidden.bias"], 0)
    hidden = (hidden - w["hidden_bn.running_mean"]) / np.sqrt(w["hidden_bn.running_var"] + 1e-5)
    hidden = hidden * w["hidden_bn.weight"] + w["hidden_bn.bias"]
    scores = hidden @ w["scores.weight"][:, 0].T + w["scores.bias"]
    precisions = np.exp(np.clip(2 * np.log(np.logaddexp(scores, 0)), -15, 15))
    assert (precisions.min() == precisions.max()) == bool(level)
    prior = np.exp(w["prior_log_precision"])
    weighted = (precisions * x).sum(axis=1) + prior * w["prior_mean"]
    check(pooling, x, weighted / (precisions.sum(axis=1) + prior))
