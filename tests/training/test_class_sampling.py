"""Updates with a sample of the classes: against numpy, against all classes, and what they leave alone."""

import types

import numpy as np
import pytest
from scipy.special import softmax

from nnet.config import build_config
from nnet.errors import InputError
from nnet.losses.softmax import Softmax
from nnet.model.speaker_net import attach_loss, build_model
from nnet.model.weights import weights_of
from nnet.ops import mx, tree_flatten
from nnet.training.class_sampling import draw_classes
from nnet.training.trainer import Trainer

SPEAKERS, DIM, RATE = 40, 6, 0.1


def make_trainer(loss, speakers=SPEAKERS, width=12, **sections):
    """A Trainer of a tiny network without batch normalization, so that an update leaves the embeddings' mean alone."""
    sections |= {
        "network": {"type": "tdnn", "dims": [8], "kernels": [1], "dilations": [1]},
        "embedding": {"dims": [width], "order": "none"},
        "loss": loss,
        "schedule": {"type": "exponential", "learning_rate": RATE, "final_learning_rate": RATE},
    }
    config = build_config(sections, "test")
    mx.random.seed(3)
    model = build_model(config, DIM)
    attach_loss(model, config, speakers)
    mx.eval(model.parameters())
    trainer = Trainer(model, config, "", types.SimpleNamespace(steps_per_epoch=100), None, [])
    trainer.train_mode()
    return trainer


def make_batch(seed=0, size=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(size, 4, DIM)).astype(np.float32), np.array([7, 3, 39, 7, 0], np.int32)[:size]


def state(trainer):
    """Copies of all weights, of what the optimizer remembers, and of the average."""
    arrays = weights_of(trainer.model) | {f"memory {n}": a for n, a in trainer.optimizer.state.items()}
    arrays |= {f"average {n}": a for n, a in trainer.ema.items()}
    return {name: np.array(array) for name, array in arrays.items()}


@pytest.mark.parametrize(("share", "size"), [(0.001, 4), (0.3, 12), (1.0, 40)])
def test_a_sample_has_the_batch_and_others_at_random(share, size):
    labels, drawn = np.array([7, 3, 39, 7, 0], np.int32), np.zeros(SPEAKERS)
    for seed in range(300):
        classes = draw_classes(SPEAKERS, share, labels, np.random.default_rng(seed))
        assert len(classes) == size and (np.diff(classes) > 0).all() and np.isin(labels, classes).all()
        drawn[classes] += 1
    others = np.delete(drawn, labels) / 300
    # Each other class is in 8 of 36 samples; 0.12 are five standard deviations of a share of 300.
    assert np.abs(others - (size - 4) / 36).max() <= 0.12


def test_the_gradient_of_the_sampled_rows_is_that_of_their_softmax():
    trainer = make_trainer({"type": "softmax", "sample_classes": 0.3}, optimizer={"type": "sgd"})
    features, labels = make_batch()
    before = state(trainer)
    x = np.array(trainer.model(mx.array(features)), np.float64)
    trainer.update(0, 0, [(features, labels)])
    after = state(trainer)
    (moved,) = np.nonzero(after["loss.bias"] != before["loss.bias"])
    assert len(moved) == 12 and np.isin(labels, moved).all()
    kept = np.delete(np.arange(SPEAKERS), moved)
    assert np.array_equal(after["loss.weight"][kept], before["loss.weight"][kept])
    columns = np.searchsorted(moved, labels)
    error = softmax(x @ before["loss.weight"][moved].T.astype(float), axis=1) - np.eye(12)[columns]
    for name, gradient in (("loss.weight", error.T @ x), ("loss.bias", error.sum(axis=0))):
        expected = before[name][moved] - RATE * gradient / len(labels)
        np.testing.assert_allclose(after[name][moved], expected, atol=1e-6, err_msg=name)


ALL = [
    {"type": "softmax", "label_smoothing": 0.1},
    {"type": "a_softmax"},
    {"type": "additive_margin", "sub_centers": 2, "top_k": 3},
    {"type": "additive_angular_margin"},
]


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss["type"])
def test_a_sample_of_all_classes_changes_no_bit(loss):
    """A share that rounds up to all classes goes through the sampling; the share 1 does not."""
    results = []
    for share in (1.0, 0.999):
        training = {"accumulate": 2, "clip_norm": 0.5, "ema": 0.9}
        trainer = make_trainer(loss | {"sample_classes": share}, training=training, optimizer={"type": "adam"})
        for step in (0, 2):
            trainer.update(0, step, [make_batch(step), make_batch(step + 1)])
        results.append(state(trainer) | {"loss": np.array(trainer.state["sums"]["loss"])})
    assert results[0].keys() == results[1].keys()
    for name in results[0]:
        assert np.array_equal(results[0][name], results[1][name]), name


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_what_is_not_in_the_sample_stays_as_it_is(optimizer):
    decay = {"type": optimizer, "weight_decay": 0.1}
    loss = {"type": "additive_margin", "sub_centers": 2, "sample_classes": 0.2}
    trainer = make_trainer(loss, optimizer=decay, training={"ema": 0.9})
    trainer.update(0, 0, [make_batch()])
    seen = []
    for step in range(1, 4):
        before = state(trainer)
        trainer.update(0, step, [make_batch(step)])
        after = state(trainer)
        names = [name for name in after if "loss.weight" in name]
        assert len(names) == {"momentum": 3, "adam": 4}[optimizer]
        moved = {name: tuple(np.nonzero((after[name] != before[name]).any(axis=1))[0] // 2) for name in names}
        assert len(set(moved.values())) == 1, moved  # the same rows of the weight, the memory and the average
        (rows, *_) = moved.values()
        assert len(set(rows)) == 8 and len(rows) == 16
        seen.append(rows)
    assert len(set(seen)) == 3


def test_no_gradient_and_no_copy_has_all_rows(monkeypatch):
    trainer = make_trainer({"type": "softmax", "sample_classes": 0.01}, speakers=20_000, width=64)
    whole = trainer.model.loss.weight.nbytes
    trainer.update(0, 0, [make_batch()])  # makes the velocity
    shapes, update = [], trainer.optimizer.update

    def note(model, grads, rate):
        shapes.append({name: grad.shape for name, grad in tree_flatten(grads)})
        update(model, grads, rate)

    monkeypatch.setattr(trainer.optimizer, "update", note)
    mx.reset_peak_memory()
    held = mx.get_active_memory()
    trainer.update(0, 1, [make_batch(1)])
    assert shapes[0]["loss.weight"] == (200, 64) and shapes[0]["loss.bias"] == (200,)
    assert trainer.model.loss.weight.shape == (20_000, 64)
    # The sample has a hundredth of the rows, and a step holds it about ten times.
    assert mx.get_peak_memory() - held < whole / 2


def test_another_holder_of_the_weights_does_not_see_the_update():
    trainer = make_trainer({"type": "softmax", "sample_classes": 0.3})
    held = [trainer.model.loss.weight, trainer.model.loss.bias]
    before = [np.array(array) for array in held]
    trainer.update(0, 0, [make_batch()])
    after = [trainer.model.loss.weight, trainer.model.loss.bias]
    for array, old, new in zip(held, before, after, strict=True):
        assert np.array_equal(np.array(array), old) and not np.array_equal(np.array(new), old)


def test_a_loss_that_does_not_name_its_class_weights_is_refused(monkeypatch):
    monkeypatch.setattr(Softmax, "class_weights", {})
    with pytest.raises(InputError, match="loss.sample_classes: Softmax has no class_weights to sample"):
        make_trainer({"type": "softmax", "sample_classes": 0.3})
