"""Softmax and the margin softmaxes against their papers' equations in numpy, float64, values and gradients."""

import math

import numpy as np
import pytest
from built import built
from scipy.special import logsumexp

from nnet.losses import LOSSES
from nnet.ops import mx

SPEAKERS, DIM = 7, 8


def build(name, seed=3, **options):
    mx.random.seed(seed)
    loss = built(LOSSES[name], DIM, SPEAKERS, **options)
    if "bias" in loss:
        loss.bias = mx.random.normal(loss.bias.shape)
    return loss


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def cross_entropy(logits, labels):
    return np.mean(logsumexp(logits, axis=-1) - logits[np.arange(len(labels)), labels])


def cosines(x, w):
    """cos θ of every embedding and speaker; with sub-centres that of the nearest."""
    cosine = unit(x) @ unit(w).T
    return cosine.reshape(len(x), SPEAKERS, -1).max(axis=-1)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("normalize", [False, True])
def test_softmax(batch, agrees, bias, smoothing, normalize):
    loss = build("softmax", bias=bias, label_smoothing=smoothing, normalize_embeddings=normalize, scale=5.0)

    def twin(x, labels, w):
        logits = (5 * unit(x) if normalize else x) @ w["weight"].T + w.get("bias", 0)
        log_p = logits - logsumexp(logits, axis=-1, keepdims=True)
        q = (1 - smoothing) * np.eye(SPEAKERS)[labels] + smoothing / SPEAKERS
        return -np.mean(np.sum(q * log_p, axis=-1))

    agrees(loss, twin, *batch())


def margin_twin(psi, weight=0.0, scale=None, top_k=0, attract=None):
    """Wang 2018 and Deng 2019: cross entropy of s·cos with s·ψ(θ) at the target; tf-kaldi's ‖x‖ and λ (`weight`)."""

    def twin(x, labels, w):
        rows = np.arange(len(x))
        cosine = cosines(x, w["weight"])
        s = np.linalg.norm(x, axis=-1) if scale is None else np.full(len(x), scale)
        changed = cosine.copy()
        if top_k:
            hidden = cosine.copy()
            hidden[rows, labels] = -2
            nearest = np.argsort(-hidden, axis=-1)[:, :top_k]
            changed[rows[:, None], nearest] = attract(np.arccos(cosine[rows[:, None], nearest]))
        changed[rows, labels] = psi(np.arccos(cosine[rows, labels]))
        return cross_entropy(s[:, None] * (weight * cosine + changed) / (1 + weight), labels)

    return twin


def sphereface(m):
    """Liu et al. 2017, eq. 7 in the paper's form, by k."""

    def psi(theta):
        k = np.floor(m * theta / np.pi)
        return (-1) ** k * np.cos(m * theta) - 2 * k

    return psi


def arcface(m, beyond):
    def psi(theta):
        past = {
            "shift": np.cos(theta) - 1 + math.cos(m),
            "reflect": -np.cos(theta + m) - 2,
        }
        if beyond == "easy":
            return np.where(theta < np.pi / 2, np.cos(theta + m), np.cos(theta))
        return np.where(theta + m < np.pi, np.cos(theta + m), past[beyond])

    return psi


TF_KALDI = {"lambda_base": 10.0, "lambda_min": 0.0, "lambda_gamma": 0.1, "lambda_power": 2.0}


def tf_lambda(step):
    return 10 * (1 + 0.1 * step) ** -2


@pytest.mark.parametrize("m", [1, 2, 4])
@pytest.mark.parametrize("scale", [None, 6.0])
def test_a_softmax(batch, agrees, m, scale):
    fixed = {} if scale is None else {"normalize_embeddings": True, "scale": scale}
    loss = build("a_softmax", margin=m, **TF_KALDI, **fixed)
    loss.set_progress(20, 0.5)
    agrees(loss, margin_twin(sphereface(m), tf_lambda(20), scale), *batch())


@pytest.mark.parametrize("margin", [0.2, 1.3])
@pytest.mark.parametrize("scale", [None, 6.0])
def test_additive_margin(batch, agrees, margin, scale):
    fixed = {"normalize_embeddings": False} if scale is None else {"scale": scale}
    loss = build("additive_margin", margin=margin, **TF_KALDI, **fixed)
    loss.set_progress(5, 0.5)
    agrees(loss, margin_twin(lambda t: np.cos(t) - margin, tf_lambda(5), scale), *batch())


@pytest.mark.parametrize("margin", [0.2, 1.3])
@pytest.mark.parametrize("beyond", ["shift", "reflect", "easy"])
@pytest.mark.parametrize("scale", [None, 6.0])
def test_additive_angular_margin(batch, agrees, margin, beyond, scale):
    fixed = {"normalize_embeddings": False} if scale is None else {"scale": scale}
    loss = build("additive_angular_margin", margin=margin, beyond_pi=beyond, **fixed)
    agrees(loss, margin_twin(arcface(margin, beyond), 0.0, scale), *batch())


@pytest.mark.parametrize("name", ["additive_margin", "additive_angular_margin"])
def test_sub_centers_and_top_k(batch, agrees, name):
    loss = build(name, margin=0.2, scale=6.0, sub_centers=3, top_k=2, top_k_margin=0.06)
    angular = name == "additive_angular_margin"
    psi = arcface(0.2, "shift") if angular else lambda t: np.cos(t) - 0.2
    attract = (lambda t: np.cos(t - 0.06)) if angular else lambda t: np.cos(t) + 0.06
    assert loss.weight.shape == (3 * SPEAKERS, DIM)
    agrees(loss, margin_twin(psi, 0.0, 6.0, 2, attract), *batch())


@pytest.mark.parametrize("margin_type", ["C", "A"])
def test_sphereface2(batch, agrees, margin_type):
    loss = build("sphereface2", margin=0.25, margin_type=margin_type, scale=6.0, positive_weight=0.6, t=3)

    def g(z):
        return 2 * ((z + 1) / 2) ** 3 - 1

    def twin(x, labels, w):
        theta = np.arccos(cosines(x, w["weight"]))
        if margin_type == "C":
            positive, negative = g(np.cos(theta)) - 0.25, g(np.cos(theta)) + 0.25
        else:
            positive, negative = g(arcface(0.25, "shift")(theta)), g(np.cos(theta - 0.25))
        own = np.eye(SPEAKERS)[labels]
        terms = own * 0.6 * np.log1p(np.exp(-6 * positive - w["bias"]))
        terms += (1 - own) * 0.4 * np.log1p(np.exp(6 * negative + w["bias"]))
        return terms.sum(axis=-1).mean()

    agrees(loss, twin, *batch())


MARGIN_LOSSES = ["a_softmax", "additive_margin", "additive_angular_margin", "sphereface2"]


@pytest.mark.parametrize("name", MARGIN_LOSSES)
def test_margins_are_off_in_eval_mode(batch, name):
    x, labels = batch()
    loss = build(name, margin=2 if name == "a_softmax" else 0.4)
    without = build(name, margin=1 if name == "a_softmax" else 0.0)
    x, labels = mx.array(x), mx.array(labels)
    assert loss(x, labels).loss.item() > without(x, labels).loss.item()
    loss.eval()
    np.testing.assert_allclose(loss(x, labels).loss.item(), without(x, labels).loss.item(), rtol=1e-6)


@pytest.mark.parametrize("name", MARGIN_LOSSES)
@pytest.mark.parametrize("at", [1.0, -1.0, 0.0])
def test_gradients_are_finite_at_the_ends_of_the_cosine(gradients, name, at):
    """The sine's derivative is infinite at cos = ±1, the length's at 0 (face.evoLVe 117, WeSpeaker 178)."""
    for normalize in (False, True):
        options = {} if name == "sphereface2" else {"normalize_embeddings": normalize}
        loss = build(name, **options)
        labels = np.arange(SPEAKERS)
        _, of_x, of_parameters = gradients(loss, at * np.array(loss.weight), labels)
        assert np.isfinite(of_x).all()
        assert all(np.isfinite(g).all() for g in of_parameters.values())


@pytest.mark.parametrize("name", ["softmax", *MARGIN_LOSSES])
def test_accuracy_is_the_share_of_largest_plain_cosines(batch, name):
    x, labels = batch()
    loss = build(name)
    logits = cosines(x, np.array(loss.weight)) if name != "softmax" else x @ np.array(loss.weight).T + loss.bias
    expected = np.mean(np.argmax(np.array(logits), axis=-1) == labels)
    np.testing.assert_allclose(loss(mx.array(x), mx.array(labels)).accuracy.item(), expected, rtol=1e-6)
