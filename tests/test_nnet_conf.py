"""The configurations in nnet_conf/: each loads and builds; sizes are those that WeSpeaker lists."""

from pathlib import Path

import pytest

from nnet.config import load_config
from nnet.model.cost import count_macs, count_parameters
from nnet.model.speaker_net import build_model

CONFIGS = sorted((Path(__file__).parent.parent / "nnet_conf").glob("*.json"))
# With the bins of the configuration or 80; WeSpeaker's README and its redimnet.py give them in millions.
PARAMETERS = {
    "xvector": 4_610_524,
    "resnet34": 6_634_336,
    "resnet221": 23_792_224,
    "resnet293": 28_626_016,
    "ecapa_tdnn_512": 6_190_720,
    "ecapa_tdnn_1024": 14_657_088,
    "campplus": 7_176_224,
    "redimnet2_b0": 702_196,
    "redimnet2_b1": 1_253_840,
    "redimnet2_b2": 2_528_768,
    "redimnet2_b3": 2_362_984,
    "redimnet2_b4": 6_657_440,
    "redimnet2_b5": 7_897_000,
    "redimnet2_b6": 12_390_176,
    "redimnet_b0": 1_001_850,
    "redimnet_b1": 2_123_480,
    "redimnet_b2": 4_888_240,
    "redimnet_b3": 3_220_412,
    "redimnet_b4": 6_432_304,
    "redimnet_b5": 7_650_544,
    "redimnet_b6": 15_006_256,
}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration_builds_a_model_of_the_listed_size(path):
    config = load_config(str(path))
    assert config.note
    bins = config.features.dim or 80
    model = build_model(config, bins)
    assert count_macs(model, bins) > 1e8
    assert count_parameters(model) == PARAMETERS.get(path.stem, count_parameters(model))


def test_every_listed_size_has_its_configuration():
    assert PARAMETERS.keys() <= {path.stem for path in CONFIGS}
