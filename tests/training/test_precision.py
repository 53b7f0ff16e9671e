"""The network in bfloat16: weights, gradients, sums and losses stay float32, and embeddings nearly the same."""

import dataclasses
import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
from toy_data import DIM, SEED, make_config, make_data

from nnet import ops
from nnet.bin import extract_embeddings, train_nnet
from nnet.config import load_config
from nnet.kaldi.ark import read_dict
from nnet.model.directory import load_speaker_net
from nnet.model.extraction import embed_utterances
from nnet.model.speaker_net import attach_loss, build_model
from nnet.model.weights import weights_of
from nnet.ops import mx, tree_flatten, tree_map
from nnet.ops.convolution import Filter
from nnet.ops.normalization import batch_statistics
from nnet.training.trainer import Trainer

NETWORKS = {
    "tdnn": {"dims": [16, 16, 24], "kernels": [5, 3, 1], "dilations": [1, 2, 1], "order": "bn-relu"},
    "ftdnn": {"width": 16, "bottleneck": 8, "first_dim": 16, "out_dim": 24, "dropout": 0.1},
    "resnet": {"depth": 18, "channels": 24, "se_reduction": 8},
    "ecapa_tdnn": {"channels": 16, "scale": 4, "se_channels": 8, "out_dim": 24},
    "campplus": {"growth": 4, "init_channels": 8, "blocks": [2, 2, 2], "head_channels": 4, "segment": 20},
}
SPEAKERS, STEPS = 6, 5
ROUNDING = 2**-9  # of a bfloat16, relative


def batch(seed):
    """Features (12, 60, DIM) of all speakers, and their labels."""
    labels = np.arange(2 * SPEAKERS) % SPEAKERS
    offsets = np.random.default_rng(SEED).normal(size=(SPEAKERS, 1, DIM))
    noise = np.random.default_rng(SEED + 1 + seed).normal(size=(len(labels), 60, DIM))
    return (offsets[labels] + noise).astype(np.float32), labels


@pytest.fixture(params=NETWORKS)
def trainer(request, tmp_path):
    """A trainer in bfloat16 of one of the networks."""
    path = make_config(
        tmp_path / "c.json",
        network={"type": request.param} | NETWORKS[request.param],
        embedding={"order": "bn-relu"},  # a batch normalisation of what ReLU left of 12 rows blows up rounding
        training={"precision": "bfloat16"},
    )
    config = load_config(str(path))
    mx.random.seed(SEED)
    model = build_model(config, DIM)
    attach_loss(model, config, SPEAKERS)
    trainer = Trainer(model, config, tmp_path, SimpleNamespace(steps_per_epoch=STEPS), None, [])
    trainer.train_mode()
    return trainer


def changed_by_a_rounding(array):
    """Every float changed by the rounding of a bfloat16, up or down."""
    if array.dtype != mx.float32:
        return array
    return array * (1 + ROUNDING * mx.where(mx.random.bernoulli(0.5, array.shape), 1, -1))


def relative_error(model, exact, rounded, features):
    """The error of `rounded(features)`, over that of `exact(features)` where only weights and features are rounded.

    A network, trained or not, may answer to a small change of its weights with a large one of its output. How large is
    measured in float32, so that only what bfloat16 adds to it is left: about three roundings a layer instead of one.
    """
    expected, weights, distances = exact(features), model.parameters(), []
    for _ in range(4):
        model.update(tree_map(changed_by_a_rounding, weights))
        distances.append(np.linalg.norm(exact(changed_by_a_rounding(features)) - expected))
        model.update(weights)
    found = rounded(features)
    model.update(weights)
    assert not np.array_equal(found, expected)
    return np.linalg.norm(found - expected) / np.sqrt(np.mean(np.square(distances)))


def test_embeddings_are_those_of_float32_but_for_rounding(trainer):
    """In training and after it."""
    model = trainer.model

    def embed(features):
        mx.random.seed(SEED)  # the same dropout
        return np.array(model.train_forward(features)[0] if model.training else model.extract(features))

    def embed_in_bfloat16(features):
        with model.computing_in("bfloat16"):
            return embed(features)

    features = mx.array(batch(99)[0])
    assert relative_error(model, embed, embed_in_bfloat16, features) < 4
    for step in range(STEPS):
        trainer.update(0, step, [batch(step)])
    model.eval()
    assert relative_error(model, embed, embed_in_bfloat16, features) < 4


def test_gradients_are_those_of_float32_but_for_rounding(trainer):
    """Of three batches, as a rounding that turns a single ReLU on or off may change all gradients of one."""

    def gradients(precision, labels):
        def compute(features):
            trainer.settings = dataclasses.replace(trainer.settings, precision=precision)
            mx.random.seed(SEED)
            grads = trainer.gradients(features, labels)[1]
            return np.concatenate([np.array(grad).ravel() for _, grad in tree_flatten(grads)])

        return compute

    errors = []
    for seed in range(3):
        features, labels = map(mx.array, batch(seed))
        both = [gradients(precision, labels) for precision in ("float32", "bfloat16")]
        errors.append(relative_error(trainer.model, *both, features))
    assert np.median(errors) < 4


def test_weights_and_gradients_are_float32_and_activations_are_not(trainer):
    model, (features, labels) = trainer.model, map(mx.array, batch(0))
    (loss, _), grads = trainer.gradients(features, labels)
    assert loss.dtype == mx.float32
    for name, grad in tree_flatten(grads):
        assert grad.dtype == mx.float32 and mx.all(mx.isfinite(grad)).item(), name
    for mode in (True, False):
        model.train(mode)
        with model.computing_in("bfloat16"):
            assert model.network(features.astype(mx.bfloat16)).dtype == mx.bfloat16
            assert model(features).dtype == mx.float32
            assert model.extract(features, next(iter(model.network.endpoint_dims))).dtype == mx.float32
        for name, weight in weights_of(model).items():
            assert weight.dtype == mx.float32, name


def test_training_and_extraction_from_the_command_line(tmp_path, caplog):
    train, valid = make_data(tmp_path / "train"), make_data(tmp_path / "valid", utterances=2, seed=1)
    config = make_config(tmp_path / "c.json", training={"epochs": 6})
    shapes, vectors = {}, {}
    for precision in ("float32", "bfloat16"):
        folder = tmp_path / precision
        train_nnet.main(["--set", f"training.precision={precision}", *map(str, (config, train, valid, folder))])
        kept = mx.load(str(folder / "checkpoints" / "epoch-0006" / "weights.safetensors"))
        shapes[precision] = {name: (weight.shape, weight.dtype) for name, weight in kept.items()}
        loss = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])["train_loss"]
        assert loss < np.log(SPEAKERS) / 2, "half of what chance gives"
    assert shapes["float32"] == shapes["bfloat16"]
    for precision in shapes:
        out = os.path.join(tmp_path, f"xvector.{precision}")
        extract_embeddings.main(["--precision", precision, str(tmp_path / "bfloat16"), str(valid), out])
        vectors[precision] = np.stack(list(read_dict(f"scp:{out}.scp").values()))
    apart = np.linalg.norm(vectors["float32"] - vectors["bfloat16"])
    model = load_speaker_net(tmp_path / "bfloat16")[0]
    features = read_dict(f"scp:{valid}/feats.scp").items()
    for precision, found in vectors.items():
        with model.computing_in(precision):
            expected = np.stack([vector for _, vector in embed_utterances(model, features)])
        assert np.linalg.norm(found - expected) < apart / 10, precision
    lines = [r.getMessage() for r in caplog.records if "bfloat16" in r.getMessage()]
    assert lines == ["precision bfloat16 is meant for GPUs; on this CPU it is slower than float32"] * 2


def test_sums_have_the_precision_of_float32():
    mx.random.seed(0)
    x = (10 + mx.random.normal((16, 40, 100, 8))).astype(mx.bfloat16)
    wide = np.array(x.astype(mx.float32), np.float64)
    average, variance, _ = batch_statistics([x[:4], x[4:]])
    assert np.allclose(np.array(average), wide.mean(axis=(0, 1, 2)), rtol=1e-5)
    assert np.allclose(np.array(variance), wide.var(axis=(0, 1, 2)), rtol=1e-4)
    rounded = np.array(ops.mean(x, axis=(1, 2)).astype(mx.float32))
    assert np.allclose(rounded, wide.mean(axis=(1, 2)), rtol=2**-8)


CONVOLUTIONS = {
    "winograd": ((32, 3, 3, 32), {"padding": (1, 1)}),
    "product": ((32, 3, 3, 32), {"padding": (1, 1), "stride": (2, 2)}),
    "pointwise": ((32, 1, 1, 32), {}),
    "depthwise": ((32, 1, 5, 1), {"padding": (0, 2), "groups": 32}),
    "native": ((32, 3, 3, 16), {"padding": (1, 1), "groups": 2}),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_lose_no_more_than_a_rounding(name):
    shape, options = CONVOLUTIONS[name]
    mx.random.seed(0)
    x = mx.random.normal((4, 20, 100, 32)).astype(mx.bfloat16)
    weight = mx.random.normal(shape).astype(mx.bfloat16)

    def objective(x, weight):
        filter = Filter(weight, **options)
        y = filter(x)
        assert filter.method == name and y.dtype == x.dtype
        return mx.mean(y.astype(mx.float32) ** 2), y

    wide = [array.astype(mx.float32) for array in (x, weight)]
    (_, full), expected = mx.value_and_grad(objective, argnums=(0, 1))(*wide)
    (_, half), grads = mx.value_and_grad(objective, argnums=(0, 1))(x, weight)
    for ours, theirs in ((half, full), *zip(grads, expected, strict=True)):
        error = mx.linalg.norm(ours.astype(mx.float32) - theirs) / mx.linalg.norm(theirs)
        assert ours.dtype == mx.bfloat16 and error.item() < 2**-7
