"""Losses with state (moved centres, learnt scales, schedules): a resume equals an undisturbed training."""

import pytest
from killed import assert_same_weights, killed_at_checkpoint
from toy_data import make_config, make_data

from nnet.bin.train_nnet import main
from nnet.ops import mx

LOSSES = {
    "moved centres": {"loss": {"type": "generalized_angular_triplet", "center": "average", "center_weight": 0.5}},
    "learnt scale": {"loss": {"type": "ge2e"}},
    "margin and annealing": {
        "loss": {
            "type": "additive_margin",
            "margin_end_epoch": 3,
            "lambda_base": 10,
            "lambda_gamma": 0.1,
            "lambda_power": 2,
        }
    },
    "sampled classes": {
        "loss": {"type": "softmax", "sample_classes": 0.8},
        "auxiliary": [{"type": "center", "weight": 0.1}],
        "training": {"epochs": 4, "ema": 0.9},
    },
    "auxiliary": {"auxiliary": [{"type": "center", "weight": 0.1}, {"type": "ring"}, {"type": "mhe"}]},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_data(folder / "train", utterances=6)
    make_data(folder / "valid", utterances=2, seed=1)
    return folder


def train(data, config, directory):
    main(["--resume", "true", str(config), str(data / "train"), str(data / "valid"), str(directory)])
    return mx.load(str(directory / "checkpoints" / "epoch-0004" / "weights.safetensors"))


@pytest.mark.parametrize("kind", LOSSES)
def test_a_resume_equals_an_undisturbed_training(data, tmp_path, kind):
    sections = {"training": {"epochs": 4}, "data": {"segments_per_speaker": 2}} | LOSSES[kind]
    config = make_config(tmp_path / "c.json", **sections)
    expected = train(data, config, tmp_path / "a")
    with killed_at_checkpoint(3):
        train(data, config, tmp_path / "b")
    assert_same_weights(train(data, config, tmp_path / "b"), expected)
