import numpy as np
import pytest

from nnet.bin.convert_checkpoint import main
from nnet.compute import mx
from nnet.errors import InputError
from nnet.model_dir import load_model
from nnet.networks.resnet import ResNet
from nnet.weights import weights_of


@pytest.fixture
def checkpoint(tmp_path):
    """A small ResNet in mlx-community's names."""
    network = ResNet(16, depth=18, channels=4, se_reduction=0)
    weights = {f"resnet.{name}": np.array(weight) for name, weight in weights_of(network).items()}
    weights["resnet.seg_1.weight"] = np.ones((6, 2 * network.out_dim), np.float32)
    weights["resnet.seg_1.bias"] = np.zeros(6, np.float32)
    np.savez(tmp_path / "weights.npz", **weights)
    return str(tmp_path / "weights.npz")


def test_a_checkpoint_becomes_a_model_directory(checkpoint, tmp_path):
    main([checkpoint, str(tmp_path / "model")])
    model, config, about = load_model(str(tmp_path / "model"))
    assert model.extract(mx.zeros((1, 30, 16))).shape == (1, 6)
    assert config.note.startswith("Converted from mlx_community") and about["feats_conf"]["cmvn"] == "utterance"


def test_an_existing_model_is_not_overwritten(checkpoint, tmp_path):
    main([checkpoint, str(tmp_path / "model")])
    with pytest.raises(InputError, match="holds a model already"):
        main([checkpoint, str(tmp_path / "model")])


def test_a_missing_source_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        main([str(tmp_path / "none.pt"), str(tmp_path / "model")])
    assert not (tmp_path / "model").exists()
