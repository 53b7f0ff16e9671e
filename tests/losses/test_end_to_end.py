"""GE2E and the prototypical losses against their papers' equations in numpy, float64."""

import numpy as np
import pytest
from built import built
from scipy.special import expit, logsumexp

from nnet.losses import LOSSES
from nnet.ops import mx


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def by_speaker(x, labels):
    """The embeddings of each speaker of the batch, in the order of the batch."""
    return [x[labels == speaker] for speaker in np.unique(labels)]


@pytest.mark.parametrize("variant", ["softmax", "contrast"])
def test_ge2e(batch, agrees, variant):
    loss = built(LOSSES["ge2e"], 8, 5, variant=variant, initial_scale=4.0, initial_bias=-1.0)

    def twin(x, labels, w):
        """Wan et al. 2018, eq. 5-9."""
        speakers, terms = by_speaker(unit(x), labels), []
        for j, own in enumerate(speakers):
            for i, e in enumerate(own):
                centroids = [s.mean(axis=0) for s in speakers]
                centroids[j] = np.delete(own, i, axis=0).mean(axis=0)
                s = w["scale"] * (unit(np.stack(centroids)) @ e) + w["bias"]
                if variant == "softmax":
                    terms.append(-s[j] + logsumexp(s))
                else:
                    terms.append(1 - expit(s[j]) + expit(np.delete(s, j)).max())
        return np.mean(terms)

    agrees(loss, twin, *batch(speakers=4))


def prototype_twin(similarity):
    def twin(x, labels, w):
        speakers = by_speaker(x, labels)
        queries = np.stack([s[-1] for s in speakers])
        centers = np.stack([s[:-1].mean(axis=0) for s in speakers])
        s = similarity(queries, centers, w)
        return np.mean(logsumexp(s, axis=-1) - np.diagonal(s))

    return twin


def test_prototypical(batch, agrees):
    """Snell et al. 2017, eq. 2."""

    def similarity(queries, centers, _):
        return -((queries[:, None] - centers[None]) ** 2).sum(axis=-1)

    agrees(built(LOSSES["prototypical"], 8, 5), prototype_twin(similarity), *batch())


def test_angular_prototypical(batch, agrees):
    """Chung et al. 2020."""

    def similarity(queries, centers, w):
        return w["scale"] * unit(queries) @ unit(centers).T + w["bias"]

    loss = built(LOSSES["angular_prototypical"], 8, 5, initial_scale=4.0, initial_bias=-1.0)
    agrees(loss, prototype_twin(similarity), *batch())


@pytest.mark.parametrize("name", ["ge2e", "angular_prototypical"])
def test_the_scale_of_cosines_stays_positive(batch, name):
    x, labels = (mx.array(a) for a in batch())
    loss = built(LOSSES[name], 8, 5)
    loss.scale = mx.array([-3.0])
    np.testing.assert_allclose(loss(x, labels).loss.item(), np.log(5), rtol=1e-4)  # as with a factor of 0


@pytest.mark.parametrize("name", ["ge2e", "prototypical", "angular_prototypical"])
def test_speakers_may_have_different_numbers_of_segments(name):
    """A speaker with one segment only is no query, but one that others are compared with in GE2E."""
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(6, 8)).astype(np.float32), np.array([3, 1, 3, 1, 3, 0])
    loss = built(LOSSES[name], 8, 5)
    value, grad = mx.value_and_grad(lambda x: loss(x, mx.array(labels)).loss)(mx.array(x))
    assert np.isfinite(value.item()) and value.item() > 0
    assert np.isfinite(np.array(grad)).all()
