import pytest
from toy_checkpoint import BINS, DIM, make_checkpoint

from nnet.bin.convert_checkpoint import main
from nnet.config import load_config
from nnet.errors import InputError
from nnet.model.directory import load_speaker_net
from nnet.ops import mx


@pytest.fixture
def checkpoint(tmp_path):
    return make_checkpoint(tmp_path / "weights.npz")


def test_a_checkpoint_becomes_a_model_directory(checkpoint, tmp_path):
    main([checkpoint, str(tmp_path / "model")])
    model, config, about = load_speaker_net(str(tmp_path / "model"))
    assert model.extract(mx.zeros((1, 30, BINS))).shape == (1, DIM)
    assert config.note.startswith("Converted from mlx_community") and about["feats_conf"]["cmvn"] == "utterance"


def test_an_existing_model_is_not_overwritten(checkpoint, tmp_path):
    main([checkpoint, str(tmp_path / "model")])
    with pytest.raises(InputError, match="holds a model already"):
        main([checkpoint, str(tmp_path / "model")])


def test_a_missing_source_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        main([str(tmp_path / "none.pt"), str(tmp_path / "model")])
    assert not (tmp_path / "model").exists()


def test_its_configuration_can_be_trained_with(checkpoint, tmp_path):
    main([checkpoint, str(tmp_path / "model")])
    config = load_config(str(tmp_path / "model" / "config.json"), ["loss.margin=0.5"])
    assert config.loss.type == "additive_angular_margin" and config.loss.options.margin == 0.5
    assert config.network == load_speaker_net(str(tmp_path / "model"))[1].network
