"""3D-Speaker's own CAM++ on real speech. SV_CAMPPLUS names its checkpoint campplus_cn_en_common.pt."""

import os

import pytest

from nnet.feats.front_end import FrontEnd
from nnet.io.audio import read_audio
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
    paths = sorted((librispeech_mini / "test-other").glob("*/*/*.flac"))[::20]
    for path in paths:
        feats = front_end(*read_audio(str(path)), path)
        for part in (feats, feats[: len(feats) // 3]):
            equal_embeddings(converted.model, twin, part)
    assert len(paths) == 5
