"""A converted model in use: its features, extraction, fine-tuning."""

import logging

import numpy as np
import pytest
from toy_checkpoint import BINS, DIM, make_checkpoint, make_filter_banks, make_speech

import nnet
from nnet.bin.convert_checkpoint import main as convert
from nnet.bin.extract_embeddings import main as extract
from nnet.bin.train_nnet import main as train
from nnet.errors import InputError
from nnet.export.torch_writer import write_torch_state
from nnet.feats.options import FbankOptions
from nnet.kaldi.ark import read_dict
from nnet.model.directory import read_config
from nnet.ops import mx, nn
from nnet.pretrained.convert import convert as read_checkpoint
from nnet.pretrained.layouts import to_torch


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrained")
    convert([make_checkpoint(folder / "weights.npz"), str(folder / "model")])
    return folder / "model"


@pytest.fixture
def data(tmp_path):
    make_speech(tmp_path / "data")
    return tmp_path / "data"


def tune(model_dir, data, out, *overrides):
    """Fine-tunes on few short chunks; the weights of the new model."""
    few = ["data.batch_size=4", "data.min_frames=60", "data.max_frames=80", "data.valid_frames=80"]
    few += ["data.num_workers=0", "training.epochs=1", *overrides]
    words = [word for override in few for word in ("--set", override)]
    train(["--init", str(model_dir), *words, str(model_dir / "config.json"), str(data), str(data), str(out)])
    return mx.load(str(out / "model.safetensors"))


def test_its_file_of_options_makes_its_features(model_dir):
    made = FbankOptions.from_conf(model_dir / "fbank.conf")
    assert made.to_dict() == read_config(model_dir)[1]["feats_conf"]["options"]
    assert made.num_mel_bins == BINS and made.window_type == "hamming"


def test_extraction_and_embedder_agree(model_dir, data):
    make_filter_banks(data, model_dir / "fbank.conf")
    extract([str(model_dir), str(data), str(data / "xvector")])
    vectors, model = read_dict(str(data / "xvector.scp")), nnet.load_model(model_dir)
    assert len(vectors) == 12 and model.dim == DIM
    for name, vector in vectors.items():
        np.testing.assert_allclose(vector, model.embed_file(data / f"{name}.wav"), atol=1e-4)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"window_type": "povey"}, 'window_type is "povey", the model was trained with "hamming"'),
        ({"sample_frequency": 8000.0}, r"sample_frequency is 8000.0, the model was trained with 16000.0"),
        ({"num_mel_bins": 20}, "num_mel_bins is 20, the model was trained with 16"),
        ({"mel_floor": 128.0}, "mel_floor is 128.0"),
    ],
)
def test_extraction_refuses_other_features(model_dir, data, change, message):
    make_filter_banks(data, model_dir / "fbank.conf", **change)
    with pytest.raises(InputError, match=message):
        extract([str(model_dir), str(data), str(data / "xvector")])


def test_extraction_refuses_another_normalisation(model_dir, data):
    make_filter_banks(data, model_dir / "fbank.conf", cmvn="sliding")
    with pytest.raises(InputError, match="CMVN is sliding, the model was trained with utterance"):
        extract([str(model_dir), str(data), str(data / "xvector")])


def test_a_new_classifier_on_the_frozen_network_then_a_large_margin(model_dir, data, tmp_path):
    make_filter_banks(data, model_dir / "fbank.conf", "utterance", dither=1.0)
    old = mx.load(str(model_dir / "model.safetensors"))
    first = tune(model_dir, data, tmp_path / "first", 'training.freeze=["network.*","embedding.*"]')
    assert first["loss.weight"].shape == (3, DIM)
    assert all(np.array_equal(np.array(first[name]), np.array(old[name])) for name in old)
    margin = ["loss.margin=0.5", "training.drop=[]", "training.freeze=[]", "schedule.learning_rate=0.0001"]
    second = tune(tmp_path / "first", data, tmp_path / "second", *margin, "schedule.final_learning_rate=0.00001")
    assert not np.array_equal(np.array(second["network.conv1.weight"]), np.array(old["network.conv1.weight"]))
    near = np.abs(np.array(second["loss.weight"]) - np.array(first["loss.weight"])).max()
    assert 0 < near < 0.01
    assert nnet.load_model(tmp_path / "second").embed_file(data / "s0-u0.wav").shape == (DIM,)


def test_fine_tuning_at_another_sampling_rate_is_said(model_dir, data, tmp_path, caplog):
    make_filter_banks(data, model_dir / "fbank.conf", "utterance", sample_frequency=8000.0)
    with caplog.at_level(logging.WARNING):
        tune(model_dir, data, tmp_path / "new")
    assert "differ from those of" in caplog.text and "options.sample_frequency; the network has to" in caplog.text
    assert nnet.load_model(tmp_path / "new").front_end.sample_rate == 8000


def test_other_bins_need_a_new_embedding_layer(model_dir, data, tmp_path):
    make_filter_banks(data, model_dir / "fbank.conf", "utterance", num_mel_bins=24)
    with pytest.raises(InputError, match="features have 24 dimensions, features.dim of the configuration is 16"):
        tune(model_dir, data, tmp_path / "new")
    with pytest.raises(InputError, match=r"embedding.layers.0.affine.weight has shape .* add it to training.drop"):
        tune(model_dir, data, tmp_path / "new", "features.dim=24")
    drop = 'training.drop=["loss.*","embedding.layers.0.affine.weight"]'
    tune(model_dir, data, tmp_path / "other", "features.dim=24", drop)
    assert nnet.load_model(tmp_path / "other").embed_file(data / "s0-u0.wav").shape == (DIM,)


def test_fine_tuning_refuses_features_of_another_kind(model_dir, data, tmp_path):
    make_filter_banks(data, model_dir / "fbank.conf", "utterance", window_type="povey")
    with pytest.raises(InputError, match=r"options.window_type; recompute them with .*fbank.conf"):
        tune(model_dir, data, tmp_path / "new")
    make_filter_banks(data, model_dir / "fbank.conf")
    with pytest.raises(InputError, match="differ from those of .* in cmvn; recompute them"):
        tune(model_dir, data, tmp_path / "new")


@pytest.mark.parametrize("toolkit", ["speaker3d", "pyannote"])
def test_channels_that_stay_silent_have_a_gradient(toolkit, tmp_path):
    weights = dict(np.load(make_checkpoint(tmp_path / "weights.npz")))
    prefix = {"speaker3d": "", "pyannote": "resnet."}[toolkit]
    state = {name.replace("resnet.", prefix): to_torch(array, array.ndim) for name, array in weights.items()}
    for name in state:
        if "layer4.1.bn2" in name or "layer4.0.bn2" in name or "layer4.0.shortcut.1" in name:
            state[name] = np.full_like(state[name], -1.0 if name.endswith("bias") else 1e-3)
    write_torch_state(tmp_path / "model.pt", state)
    model = read_checkpoint(str(tmp_path / "model.pt"), toolkit).model
    model.freeze()
    model.network.conv1.unfreeze()
    loss = nn.value_and_grad(model, lambda x: model(x).square().sum())
    value, gradients = loss(mx.random.normal((2, 50, BINS)))
    assert np.isfinite(value.item())
    assert np.isfinite(np.array(gradients["network"]["conv1"]["weight"])).all()
