"""The vectors of the training speakers as Kaldi archives."""

import numpy as np
import pytest

from nnet.bin.extract_class_centers import main
from nnet.errors import InputError
from nnet.kaldi.ark import read_dict
from nnet.kaldi.tables import read_table, write_table
from nnet.model.weights import save_weights
from nnet.ops import mx

SPEAKERS = ["alice", "bob", "carol"]


def make_model(folder, weights):
    folder.mkdir()
    write_table(folder / "spk2int", {speaker: str(i) for i, speaker in enumerate(SPEAKERS)})
    save_weights(str(folder / "model.safetensors"), {name: mx.array(array) for name, array in weights.items()})
    return folder


@pytest.mark.parametrize("centers", [1, 2])
def test_each_speaker_has_its_rows(tmp_path, centers):
    matrix = np.random.default_rng(0).normal(size=(3 * centers, 4)).astype(np.float32)
    model = make_model(tmp_path / "model", {"loss.weight": matrix, "loss.bias": matrix[:, 0]})
    main([str(model), str(tmp_path / "out")])
    keys = SPEAKERS if centers == 1 else [f"{speaker}-{k}" for speaker in SPEAKERS for k in (1, 2)]
    for vectors in (read_dict(f"{kind}:{tmp_path}/out/class_center.{kind}") for kind in ("ark", "scp")):
        assert list(vectors) == keys
        assert np.array_equal(np.stack(list(vectors.values())), matrix)
    assert read_table(tmp_path / "out" / "spk2int") == read_table(model / "spk2int")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"network.weight": np.ones((2, 2))}, "no loss.weight in it: the loss has no classifier"),
        ({"loss.weight": np.ones((4, 2))}, "loss.weight has 4 rows, spk2int 3 speakers"),
    ],
)
def test_a_model_without_a_classifier_is_refused(tmp_path, weights, message):
    with pytest.raises(InputError, match=message):
        main([str(make_model(tmp_path / "model", weights)), str(tmp_path / "out")])
