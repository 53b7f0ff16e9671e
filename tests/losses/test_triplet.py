"""Triplet losses against their papers' sums over triplets, written as loops in numpy, float64."""

import math

import numpy as np
import pytest
from built import built

from nnet.errors import InputError
from nnet.losses import LOSSES
from nnet.ops import mx


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def distances(x, squared, normalize, scale=1.0):
    x = scale * unit(x) if normalize else x
    squares = ((x[:, None] - x[None]) ** 2).sum(axis=-1)
    return squares if squared else np.sqrt(squares)


def others(labels, anchor):
    """The anchor's positives and negatives."""
    indices = np.arange(len(labels))
    same = labels == labels[anchor]
    return indices[same & (indices != anchor)], indices[~same]


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("normalize", [False, True])
def test_semihard_triplet(batch, agrees, squared, normalize):
    loss = built(
        LOSSES["semihard_triplet"], 8, 5, margin=0.6, squared=squared, normalize_embeddings=normalize, scale=1.5
    )

    def twin(x, labels, _):
        d, terms = distances(x, squared, normalize, 1.5), []
        for a in range(len(x)):
            own, other = others(labels, a)
            for p in own:
                farther = [d[a, n] for n in other if d[a, n] > d[a, p]]
                negative = min(farther) if farther else max(d[a, n] for n in other)
                terms.append(max(d[a, p] - negative + 0.6, 0))
        return np.mean(terms)

    x, labels = batch()
    x[0] = 6 * x[labels == labels[0]][-1]  # far from its own speaker: no negative is farther than its positives
    agrees(loss, twin, x, labels)


@pytest.mark.parametrize("soft_margin", [False, True])
@pytest.mark.parametrize("squared", [False, True])
def test_batch_hard_triplet(batch, agrees, soft_margin, squared):
    loss = built(LOSSES["batch_hard_triplet"], 8, 5, margin=0.4, soft_margin=soft_margin, squared=squared)

    def twin(x, labels, _):
        d, terms = distances(x, squared, True), []
        for a in range(len(x)):
            own, other = others(labels, a)
            gap = d[a, own].max() - d[a, other].min()
            terms.append(math.log1p(math.exp(gap)) if soft_margin else max(gap + 0.4, 0))
        return np.mean(terms)

    agrees(loss, twin, *batch())


PSI = {
    ("a_softmax", 2.0): lambda t: np.where(t < np.pi / 2, np.cos(2 * t), -np.cos(2 * t) - 2),
    ("additive_margin", 0.2): lambda t: np.cos(t) - 0.2,
    ("additive_angular_margin", 0.2): lambda t: np.where(t + 0.2 < np.pi, np.cos(t + 0.2), -np.cos(t + 0.2) - 2),
}


@pytest.mark.parametrize(("margin_type", "margin"), PSI)
@pytest.mark.parametrize("selection", ["all", "hard"])
def test_angular_triplet(batch, agrees, margin_type, margin, selection):
    loss = built(LOSSES["angular_triplet"], 8, 5, margin=margin, margin_type=margin_type, selection=selection)

    def twin(x, labels, _):
        theta, terms = np.arccos(np.clip(unit(x) @ unit(x).T, -1, 1)), []
        psi = PSI[margin_type, margin](theta)
        for a in range(len(x)):
            own, other = others(labels, a)
            if selection == "hard":
                terms.append(max(np.cos(theta[a, other]).max() - psi[a, own].min(), 0))
            else:
                terms += [v for p in own for n in other if (v := np.cos(theta[a, n]) - psi[a, p]) > 0]
        return np.mean(terms)

    agrees(loss, twin, *batch())


def test_angular_triplet_validates_by_ge2e_with_factor_20(batch):
    x, labels = (mx.array(a) for a in batch())
    loss = built(LOSSES["angular_triplet"], 8, 5)
    loss.eval()
    ge2e = built(LOSSES["ge2e"], 8, 5, initial_scale=20.0, initial_bias=0.0)
    assert loss(x, labels).loss.item() == ge2e(x, labels).loss.item()


def test_angular_triplet_refuses_a_broken_multiple():
    with pytest.raises(InputError, match="loss.margin must be 1, 2 or 4 with loss.margin_type a_softmax, not 0.2"):
        built(LOSSES["angular_triplet"], 8, 5, margin_type="a_softmax")


def generalized(top_n, margin, target_margin):
    def twin(x, labels, w):
        d = ((unit(x)[:, None] - unit(w["weight"])[None]) ** 2).sum(axis=-1)
        triplets, centers = [], []
        for i, y in enumerate(labels):
            if d[i, y] > target_margin:
                centers.append(d[i, y])
                nearest = np.sort(np.delete(d[i], y))[: top_n or None]
                triplets += [v for other in nearest if (v := d[i, y] - other + margin) > 0]
        c = unit(w["weight"])
        between = [((c[i] - c[j]) ** 2).sum() for i in range(len(c)) for j in range(len(c)) if i != j]
        return 1.5 * np.mean(triplets) + 0.5 * np.mean(centers) - 0.25 * np.mean(between)

    return twin


GENERALIZED = {"margin": 0.8, "target_margin": 0.7, "triplet_weight": 1.5, "center_weight": 0.5, "between_weight": 0.25}


@pytest.mark.parametrize("top_n", [0, 1, 3])
def test_generalized_angular_triplet(batch, agrees, top_n):
    mx.random.seed(0)
    loss = built(LOSSES["generalized_angular_triplet"], 8, 7, top_n=top_n, **GENERALIZED)
    agrees(loss, generalized(top_n, 0.8, 0.7), *batch())


def test_average_centers_move_with_the_batch_and_get_no_gradient(batch, gradients):
    mx.random.seed(0)
    loss = built(
        LOSSES["generalized_angular_triplet"], 8, 7, center="average", center_momentum=0.95, top_n=2, **GENERALIZED
    )
    x, labels = batch()
    before = np.array(loss.weight, np.float64)
    moved = before.copy()
    for xi, y in zip(x, labels, strict=True):
        moved[y] -= 0.05 * (before[y] - xi)
    output = loss(mx.array(x), mx.array(labels))
    np.testing.assert_allclose(np.array(loss.weight), moved, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(output.loss.item(), generalized(2, 0.8, 0.7)(x, labels, {"weight": moved}), rtol=1e-4)
    assert not gradients(loss, x, labels)[2]
    loss.eval()
    still = np.array(loss.weight)
    loss(mx.array(x), mx.array(labels))
    np.testing.assert_array_equal(np.array(loss.weight), still)


def test_average_centers_stay_frozen_when_all_is_unfrozen():
    loss = built(LOSSES["generalized_angular_triplet"], 8, 7, center="average")
    loss.unfreeze()
    assert not loss.trainable_parameters()
    assert "weight" in built(LOSSES["generalized_angular_triplet"], 8, 7).trainable_parameters()
