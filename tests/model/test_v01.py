"""Model directories of version 0.1 load and compute what they computed then.

v0.1/NAME was trained for an epoch on tests/toy_data.py by version 0.1 (commit 01a99b8); expected.npz holds what that
commit gives: the embeddings of `features` in eval mode, and loss and auxiliary terms of `output` in train mode.
"""

from pathlib import Path

import numpy as np
import pytest

from nnet.model.directory import load_speaker_net, read_config
from nnet.model.speaker_net import attach_loss, build_model
from nnet.model.weights import load_weights, read_weights
from nnet.ops import mx

DIRECTORIES = sorted(p for p in (Path(__file__).parent / "v0.1").iterdir())


@pytest.fixture(params=DIRECTORIES, ids=lambda p: p.name)
def directory(request):
    return request.param


@pytest.fixture
def expected(directory):
    with np.load(directory / "expected.npz") as arrays:
        return dict(arrays)


def test_there_is_one_of_every_architecture():
    assert [p.name for p in DIRECTORIES] == ["campplus", "ecapa_tdnn", "ftdnn", "resnet", "tdnn"]


def test_embeddings_are_those_of_version_01(directory, expected):
    model, _, _ = load_speaker_net(str(directory))
    x = mx.array(expected["features"])
    np.testing.assert_allclose(np.array(model.extract(x)), expected["embedding"], atol=1e-4)
    np.testing.assert_allclose(np.array(model(x)), expected["output"], atol=1e-4)


def test_losses_are_those_of_version_01(directory, expected):
    config, about = read_config(str(directory))
    model = build_model(config, about["input_dim"])
    attach_loss(model, config, about["num_speakers"])
    load_weights(model, read_weights(str(directory / "model.safetensors")), str(directory))
    model.train()
    model.loss.set_progress(10, 0.5)
    x, labels = mx.array(expected["output"]), mx.array(expected["labels"])
    assert model.loss(x, labels).loss.item() == pytest.approx(float(expected["loss"]), rel=1e-4)
    terms = [auxiliary(x, labels, model.loss).item() for auxiliary in model.auxiliary]
    np.testing.assert_allclose(terms, expected["auxiliary"], rtol=1e-4)
