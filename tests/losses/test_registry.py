"""What every loss promises."""

import numpy as np
import pytest
from built import built

from nnet.losses import AUXILIARY_LOSSES, LOSSES
from nnet.ops import mx, nn, tree_flatten

every = pytest.mark.parametrize("name", LOSSES)
learning = pytest.mark.parametrize("name", sorted(LOSSES.keys() - {"none"}))
PAIRS = {
    "semihard_triplet", "batch_hard_triplet", "angular_triplet", "ge2e", "prototypical", "angular_prototypical"
}  # fmt: skip


@learning
def test_every_parameter_gets_a_finite_gradient(name, batch, gradients):
    mx.random.seed(0)
    loss = built(LOSSES[name], 8, 5)
    x, labels = batch()
    value, of_x, of_parameters = gradients(loss, x, labels)
    assert np.isfinite(value) and np.isfinite(of_x).all() and np.abs(of_x).max() > 0
    for key, grad in of_parameters.items():
        assert np.isfinite(grad).all(), key
        # A bias added to all logits of a softmax changes nothing.
        assert np.abs(grad).max() > 0 or key == "bias", key


@every
def test_gradients_are_finite_for_equal_and_for_zero_embeddings(name, gradients):
    mx.random.seed(0)
    labels = np.array([0, 0, 1, 1])
    for x in (np.ones((4, 8), np.float32), np.zeros((4, 8), np.float32)):
        loss = built(LOSSES[name], 8, 5)
        value, of_x, of_parameters = gradients(loss, x, labels)
        assert np.isfinite(value)
        assert np.isfinite(of_x).all()
        assert all(np.isfinite(g).all() for g in of_parameters.values())


@every
@pytest.mark.parametrize("training", [True, False])
def test_the_order_of_the_batch_does_not_matter(name, batch, training):
    mx.random.seed(0)
    loss = built(LOSSES[name], 8, 5)
    loss.train(training)
    x, labels = batch(segments=2)
    order = np.argsort(labels, kind="stable")  # so that a speaker's query stays its query
    shuffled = loss(mx.array(x), mx.array(labels))
    arranged = loss(mx.array(x[order]), mx.array(labels[order]))
    np.testing.assert_allclose(shuffled.loss.item(), arranged.loss.item(), rtol=1e-5)
    np.testing.assert_allclose(shuffled.accuracy.item(), arranged.accuracy.item(), rtol=1e-6)


@learning
def test_accuracy_is_one_where_speakers_are_far_apart(name):
    labels = np.repeat(np.arange(5), 3)
    x = mx.array(10 * np.eye(5, 8, dtype=np.float32)[labels])
    loss = built(LOSSES[name], 8, 5)
    if "weight" in loss:
        loss.weight = 10 * mx.eye(5, 8)
    assert loss(x, mx.array(labels)).accuracy.item() == 1.0


@every
def test_accuracy_is_that_of_chance_for_noise(name):
    rng = np.random.default_rng(0)
    labels = mx.array(np.repeat(np.arange(20), 4))
    mx.random.seed(0)
    accuracy = built(LOSSES[name], 8, 20)(mx.array(rng.normal(size=(80, 8)).astype(np.float32)), labels).accuracy.item()
    assert 0 <= accuracy < 0.25


@learning
def test_a_few_steps_of_descent_lower_the_loss(name, batch):
    mx.random.seed(0)
    loss = built(LOSSES[name], 8, 5)
    x, labels = (mx.array(a) for a in batch())
    gradient = mx.value_and_grad(lambda x: loss(x, labels).loss)
    first, grad = gradient(x)
    for _ in range(10):
        x = x - 0.02 * grad / mx.maximum(mx.max(mx.abs(grad)), 1e-6)
        last, grad = gradient(x)
    assert last.item() < first.item()


@every
def test_losses_on_pairs_say_so(name):
    assert LOSSES[name].min_segments_per_speaker == (2 if name in PAIRS else 1)


@every
@pytest.mark.parametrize("labels", [[0, 1, 2], [1, 1, 1]], ids=["no-pair", "one-speaker"])
def test_a_batch_with_nothing_to_compare_is_finite(name, labels, gradients):
    x = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    value, of_x, _ = gradients(built(LOSSES[name], 8, 5), x, np.array(labels))
    assert np.isfinite(value) and np.isfinite(of_x).all()


@pytest.mark.parametrize("name", AUXILIARY_LOSSES)
def test_auxiliary_losses_have_finite_gradients(name, batch):
    mx.random.seed(0)
    main, auxiliary = built(LOSSES["softmax"], 8, 5), built(AUXILIARY_LOSSES[name], 8, 5)
    both = nn.Module()
    both.main, both.auxiliary = main, auxiliary
    x, labels = (mx.array(a) for a in batch())
    for embeddings in (x, mx.zeros_like(x)):
        _, grads = nn.value_and_grad(both, lambda x: auxiliary(x, labels, main))(embeddings)
        assert all(np.isfinite(np.array(g)).all() for _, g in tree_flatten(grads))
