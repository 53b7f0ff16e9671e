"""VBx against a sum over all paths of tiny sequences, and its lower bound."""

import itertools

import numpy as np
import pytest

from nnet.backend.directory import Backend
from nnet.backend.plda import Plda
from nnet.backend.transforms import Chain
from nnet.diarization.clustering import ClusteringOptions, cluster
from nnet.diarization.vbx import VbxOptions, forward_backward, refine, vbx


def brute_force(scores, pi, loop_prob):
    """Posteriors, draws and log-likelihood by enumeration of all paths, and of where a state was drawn."""
    times, states = scores.shape
    gamma, drawn, total = np.zeros((times, states)), np.zeros(states), 0.0
    for path in itertools.product(range(states), repeat=times):
        for draws in itertools.product((False, True), repeat=times - 1):
            if any(not draw and a != b for draw, a, b in zip(draws, path, path[1:], strict=False)):
                continue
            weight = pi[path[0]] * np.exp(scores[range(times), path].sum())
            for draw, state in zip(draws, path[1:], strict=True):
                weight *= (1 - loop_prob) * pi[state] if draw else loop_prob
            total += weight
            gamma[range(times), path] += weight
            for draw, state in zip(draws, path[1:], strict=True):
                drawn[state] += weight * draw
    return gamma / total, drawn / total, np.log(total)


@pytest.mark.parametrize("times, states, loop_prob", [(1, 2, 0.5), (2, 3, 0.9), (5, 2, 0.3), (4, 3, 0.0), (3, 1, 0.6)])
def test_forward_backward_sums_over_all_paths(times, states, loop_prob):
    rng = np.random.default_rng(times)
    scores, pi = rng.normal(size=(times, states)), rng.dirichlet(np.ones(states))
    for found, expected in zip(
        forward_backward(scores, pi, loop_prob), brute_force(scores, pi, loop_prob), strict=True
    ):
        assert np.allclose(found, expected)


def test_forward_backward_survives_impossible_states():
    scores = np.array([[0.0, -2000.0, 0.0], [-2000.0, 0.0, 0.0], [0.0, -2000.0, 0.0]])
    gamma, drawn, likelihood = forward_backward(scores, np.array([0.5, 0.5, 0.0]), 0.9)
    assert np.allclose(gamma, [[1, 0, 0], [0, 1, 0], [1, 0, 0]]) and np.allclose(drawn, [1, 1, 0])
    assert np.isclose(likelihood, np.log(0.5 * 0.05**2))


def conversation(seed, times=120, speakers=3, dim=8):
    """Embeddings of PLDA's model, speakers in runs of six: (x, phi, labels)."""
    rng = np.random.default_rng(seed)
    phi = np.sort(rng.gamma(2, 4, dim))[::-1]
    means = np.sqrt(phi) * rng.normal(size=(speakers, dim))
    labels = np.repeat(rng.integers(speakers, size=times // 6), 6)
    return means[labels] + rng.normal(size=(times, dim)), phi, labels


@pytest.mark.parametrize("seed", range(5))
def test_the_lower_bound_does_not_fall_and_is_below_the_likelihood(seed):
    x, phi, _ = conversation(seed)
    gamma = np.random.default_rng(seed).dirichlet(np.ones(5), len(x))
    bounds = vbx(x, phi, gamma, VbxOptions(Fa=1.0, Fb=1.0, loop_prob=0.8, epsilon=0.0)).bounds
    assert len(bounds) > 2 and (np.diff(bounds) > -1e-8).all()


def test_the_bound_of_one_speaker_is_the_likelihood():
    """With one state and no scaling nothing is approximated: x is Gaussian, with covariance phi between its rows."""
    x, phi, _ = conversation(0, times=12)
    bound = vbx(x, phi, np.ones((12, 1)), VbxOptions(Fa=1.0, Fb=1.0)).bounds[-1]
    expected = 0.0
    for column, variance in zip(x.T, phi, strict=True):
        covariance = np.eye(12) + variance
        sign, log_determinant = np.linalg.slogdet(covariance)
        expected -= 0.5 * (column @ np.linalg.solve(covariance, column) + log_determinant + 12 * np.log(2 * np.pi))
    assert np.isclose(bound, expected)


def test_redundant_speakers_are_dropped():
    x, phi, labels = conversation(1, times=240)
    split = 2 * labels + np.arange(len(x)) % 2  # two clusters for each speaker
    gamma = refine(x, phi, split, VbxOptions(Fa=0.4, Fb=8.0, loop_prob=0.6))
    found = gamma.argmax(axis=1)
    assert gamma.shape[1] == 3
    assert len(set(zip(found, labels, strict=True))) == 3


def test_vbx_clusters_embeddings_of_a_back_end():
    x, phi, labels = conversation(2, times=180)
    rng = np.random.default_rng(0)
    transform = rng.normal(size=(8, 8))
    plda = Plda(rng.normal(size=8), transform, phi)
    vectors = x @ np.linalg.inv(transform).T + plda.mean + 1.5
    backend = Backend(Chain(np.full(8, 1.5), None, False), plda, {})
    options = ClusteringOptions(cluster="vbx", scores="plda", threshold=10.0)
    found = cluster(vectors, options, backend, VbxOptions(loop_prob=0.6))
    assert len(set(zip(found.labels, labels, strict=True))) == 3
    assert np.allclose(found.scores.sum(axis=1), 1, atol=1e-6)
