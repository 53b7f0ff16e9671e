"""Auxiliary losses against their papers' equations in numpy, float64."""

import numpy as np
import pytest
from built import built

from nnet.errors import InputError
from nnet.losses import AUXILIARY_LOSSES, LOSSES
from nnet.ops import mx

DIM, SPEAKERS = 8, 5


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def test_ring(batch):
    x, labels = batch()
    ring = built(AUXILIARY_LOSSES["ring"], DIM, SPEAKERS, weight=0.3, initial_radius=2.0)
    gap = np.linalg.norm(x, axis=-1, keepdims=True) - 2

    def value(x, radius):
        ring.radius = radius
        return ring(x, mx.array(labels), None)

    result, (of_x, of_radius) = mx.value_and_grad(value, argnums=(0, 1))(mx.array(x), mx.array([2.0]))
    np.testing.assert_allclose(result.item(), 0.3 * np.mean(gap**2), rtol=1e-5)
    np.testing.assert_allclose(np.array(of_x), 0.6 * gap * unit(x) / len(x), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.array(of_radius), [-0.6 * np.mean(gap)], rtol=1e-4)


def energies(w, labels, form, centers=1):
    """Liu et al. 2018 with s = 2 over the batch's speakers; tf-kaldi-speaker's inverse of the mean."""
    w = unit(w.astype(np.float64))
    d = ((w[labels][:, None] - w[None]) ** 2).sum(axis=-1)  # (B, N)
    if form == "inverse_of_mean":
        return 1 / (d.mean() + 1e-6)
    speakers = np.arange(len(w)) // centers
    return np.mean([1 / row[speakers != y // centers] for row, y in zip(d, labels, strict=True)])


@pytest.mark.parametrize("form", ["mean_of_inverses", "inverse_of_mean"])
def test_mhe(batch, form):
    mx.random.seed(0)
    x, labels = batch()
    main = built(LOSSES["additive_margin"], DIM, SPEAKERS)
    mhe = built(AUXILIARY_LOSSES["mhe"], DIM, SPEAKERS, weight=0.3, form=form)

    def value(w):
        main.weight = w
        return mhe(mx.array(x), mx.array(labels), main)

    start = main.weight
    result, grad = mx.value_and_grad(value)(start)
    w = np.array(start, np.float64)
    np.testing.assert_allclose(result.item(), 0.3 * energies(w, labels, form), rtol=1e-5)
    step = 1e-6 * np.random.default_rng(0).normal(size=w.shape)
    slope = 0.3 * (energies(w + step, labels, form) - energies(w - step, labels, form)) / 2
    np.testing.assert_allclose(np.sum(np.array(grad) * step), slope, rtol=1e-3)


def test_mhe_counts_every_sub_center(batch):
    mx.random.seed(0)
    x, labels = (mx.array(a) for a in batch())
    main = built(LOSSES["additive_margin"], DIM, SPEAKERS, sub_centers=2)
    mhe = built(AUXILIARY_LOSSES["mhe"], DIM, SPEAKERS, weight=1.0)
    rows = np.concatenate([2 * np.array(labels), 2 * np.array(labels) + 1])
    expected = energies(np.array(main.weight), rows, "mean_of_inverses", centers=2)
    np.testing.assert_allclose(mhe(x, labels, main).item(), expected, rtol=1e-5)


def test_mhe_needs_a_classifier(batch):
    x, labels = (mx.array(a) for a in batch())
    with pytest.raises(InputError, match="mhe needs a loss with a classifier"):
        built(AUXILIARY_LOSSES["mhe"], DIM, SPEAKERS)(x, labels, built(LOSSES["ge2e"], DIM, SPEAKERS))


@pytest.mark.parametrize("registry, name", [(AUXILIARY_LOSSES, "mhe"), (LOSSES, "generalized_angular_triplet")])
def test_one_speaker_has_no_others(registry, name):
    with pytest.raises(InputError, match=f"{name} needs two training speakers"):
        built(registry[name], DIM, 1)


def test_center(batch):
    """Wen et al. 2016, eq. 2-4, over two batches."""
    x, labels = batch()
    center = built(AUXILIARY_LOSSES["center"], DIM, SPEAKERS, weight=0.3, rate=0.4)
    assert not center.trainable_parameters()
    centers = np.zeros((SPEAKERS, DIM))
    for _ in range(2):
        value, grad = mx.value_and_grad(lambda x: center(x, mx.array(labels), None))(mx.array(x))
        gaps = x - centers[labels]
        np.testing.assert_allclose(value.item(), 0.15 * np.mean((gaps**2).sum(axis=-1)), rtol=1e-5)
        np.testing.assert_allclose(np.array(grad), 0.3 * gaps / len(x), rtol=1e-4, atol=1e-6)
        for y in range(SPEAKERS):
            delta = (centers[y] - x[labels == y]).sum(axis=0) / (1 + (labels == y).sum())
            centers[y] -= 0.4 * delta
        np.testing.assert_allclose(np.array(center.centers), centers, rtol=1e-4, atol=1e-6)


def test_centers_stay_in_eval_mode_and_frozen(batch):
    x, labels = (mx.array(a) for a in batch())
    center = built(AUXILIARY_LOSSES["center"], DIM, SPEAKERS)
    center.eval()
    center(x, labels, None)
    assert not np.array(center.centers).any()
    center.unfreeze()
    assert not center.trainable_parameters()
    assert "centers" in center.parameters()
