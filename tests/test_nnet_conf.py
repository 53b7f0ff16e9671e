"""The configurations in nnet_conf/: each loads and builds; sizes are those that WeSpeaker and 3D-Speaker list."""

from pathlib import Path

import pytest

from nnet.config import load_config
from nnet.model.cost import count_macs, count_parameters
from nnet.model.speaker_net import build_model

CONFIGS = sorted((Path(__file__).parent.parent / "nnet_conf").glob("*.json"))
# With the bins of the configuration or 80; their READMEs give them in millions, except that of w24s4ep4, which their
# module has.
PARAMETERS = {
    "xvector": 4_610_524,
    "resnet34": 6_634_336,
    "resnet221": 23_792_224,
    "resnet293": 28_626_016,
    "ecapa_tdnn_512": 6_190_720,
    "ecapa_tdnn_1024": 14_657_088,
    "campplus": 7_176_224,
    "repvgg_tiny_a0": 6_264_352,
    # The paper's table 2: 7.1 and 1.9 M.
    "next_tdnn": 7_144_544,
    "next_tdnn_mobile": 1_913_680,
    "res2net34": 4_689_024,
    # 3D-Speaker's.
    "eres2net_base": 6_610_688,
    "eres2net_large": 22_462_784,
    "eres2net_aug": 55_165_024,
    "eres2netv2": 17_859_632,
    "eres2netv2_w24s4ep4": 53_513_632,
    # In WeSpeaker's README and its redimnet.py.
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
    "simam_resnet34": 25_213_760,
    "simam_resnet100": 50_232_896,
    "df_resnet114": 6_531_552,
    "xi_ecapa_tdnn_512": 5_896_448,
}
LISTED_AS = {"repvgg_tiny_a0": ["network.fused=true"]}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration_builds_a_model_of_the_listed_size(path):
    config = load_config(str(path), LISTED_AS.get(path.stem, []))
    assert config.note
    if config.network.type not in ("tdnn", "etdnn", "ftdnn"):  # those of Kaldi take MFCCs
        assert config.features.type in ("fbank", "mel")
    bins = config.features.dim or 80
    model = build_model(config, bins)
    assert count_macs(model, bins) > 1e8
    assert count_parameters(model) == PARAMETERS.get(path.stem, count_parameters(model))


def test_every_listed_size_has_its_configuration():
    assert PARAMETERS.keys() <= {path.stem for path in CONFIGS}
