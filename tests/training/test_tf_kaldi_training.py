"""tf-kaldi-speaker's published files train and extract, unchanged but for sizes."""

import numpy as np
import pytest
from toy_data import DIM, make_data

from nnet.bin.train_nnet import main
from nnet.model.directory import load_speaker_net
from nnet.ops import mx

SIZES = (
    "network.dims=[16,16,16,16,24]",
    "embedding.dims=[12,12]",
    "data.batch_size=6",
    "data.min_frames=30",
    "data.max_frames=40",
    "data.valid_frames=40",
    "data.num_workers=0",
    "data.steps_per_epoch=4",
    "training.epochs=1",
)
FILES = {
    "tdnn_softmax": (),
    "tdnn_amsoftmax_m0.20_linear_bn_1e-2": (),
    "tdnn_amsoftmax_m0.20_linear_bn_1e-2_mhe0.01": (),
    "tdnn_amsoftmax_m0.20_linear_bn_1e-2_tdnn4_att": ("pooling.key_dims=[16,16]",),
    "tdnn_asoftmax_m4_linear_bn_1e-2": (),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_data(folder / "train")
    make_data(folder / "valid", utterances=2, seed=1)
    return folder


def train(data, config, directory, overrides):
    sets = [part for s in (*SIZES, *overrides) for part in ("--set", s)]
    main([*sets, str(config), str(data / "train"), str(data / "valid"), str(directory)])


@pytest.mark.parametrize("name", FILES)
def test_a_published_file_trains_and_extracts(tf_kaldi_json, data, tmp_path, name):
    train(data, tf_kaldi_json / f"{name}.json", tmp_path / "exp", FILES[name])
    model, _, _ = load_speaker_net(tmp_path / "exp")
    assert model.node == "embedding1.affine"
    embedding = np.array(model.extract(mx.random.normal((1, 50, DIM))))
    assert embedding.shape == (1, 12) and np.isfinite(embedding).all()


def test_its_file_of_rates_drives_a_training(tf_kaldi_json, data, tmp_path):
    rates = ("schedule.type=file", f"schedule.file={tf_kaldi_json / 'learning_rate_decay_45'}")
    train(data, tf_kaldi_json / "tdnn_softmax.json", tmp_path / "exp", rates)
    assert '"learning_rate": 0.005' in (tmp_path / "exp" / "log.jsonl").read_text()
