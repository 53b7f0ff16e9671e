"""The configurations in nnet_conf/: each loads and builds; sizes are those that WeSpeaker lists."""

from pathlib import Path

import pytest

from nnet.config import load_config
from nnet.model.cost import count_macs, count_parameters
from nnet.model.speaker_net import build_model

CONFIGS = sorted((Path(__file__).parent.parent / "nnet_conf").glob("*.json"))
# With 80 bins; WeSpeaker's README gives them in millions.
PARAMETERS = {
    "xvector": 4_610_524,
    "resnet34": 6_634_336,
    "resnet221": 23_792_224,
    "resnet293": 28_626_016,
    "ecapa_tdnn_512": 6_190_720,
    "ecapa_tdnn_1024": 14_657_088,
    "campplus": 7_176_224,
    "simam_resnet34": 25_213_760,
    "simam_resnet100": 50_232_896,
    "df_resnet114": 6_531_552,
    "xi_ecapa_tdnn_512": 5_896_448,
}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration_builds_a_model_of_the_listed_size(path):
    config = load_config(str(path))
    assert config.note
    model = build_model(config, 80)
    assert count_macs(model, 80) > 1e8
    assert count_parameters(model) == PARAMETERS.get(path.stem, count_parameters(model))


def test_every_listed_size_has_its_configuration():
    assert PARAMETERS.keys() <= {path.stem for path in CONFIGS}
