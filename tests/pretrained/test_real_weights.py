"""3D-Speaker's own CAM++ on real speech. SV_CAMPPLUS names its checkpoint campplus_cn_en_common.pt."""

import os

import pytest

from nnet.audio.reading import read_audio
from nnet.feats.front_end import FrontEnd
from nnet.pretrained.convert import convert


@pytest.fixture(scope="module")
def checkpoint():
    if "SV_CAMPPLUS" not in os.environ:
        pytest.skip("SV_CAMPPLUS names no checkpoint")
    return os.environ["SV_CAMPPLUS"]


def test_embeddings_of_speech_equal_pytorchs(checkpoint, librispeech_mini, make_twin, equal_embeddings):
    torch = pytest.importorskip("torch")
    twin = make_twin("CamPlusPlus", embed_dim=192)
    twin.xvector.stats.eps = 0.0
    twin.load_state_dict(torch.load(checkpoint, weights_only=True))
    converted = convert(checkpoint)
    front_end = FrontEnd(converted.feats_conf)
    paths = sorted((librispeech_mini / "test-other").glob("*/*/*.flac"))[::5]
    for path in paths:
        samples, rate = read_audio(str(path))
        middle = len(samples) // 2
        for part in (samples, samples[middle - rate : middle + rate]):
            equal_embeddings(converted.model, twin, front_end(part, rate, path))
    assert len(paths) == 20
