"""tf-kaldi-speaker's checkpoints. TensorFlow 2.21's Saver wrote tensorflow/small.*."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from nnet.bin import convert_checkpoint
from nnet.bin.convert_checkpoint import main
from nnet.errors import InputError
from nnet.feats.options import MfccOptions
from nnet.model.directory import load_speaker_net
from nnet.ops import mx
from nnet.pretrained import convert as conversion
from nnet.pretrained.checkpoint import Checkpoint, read_checkpoint
from nnet.pretrained.tf_bundle import read_bundle

SMALL = Path(__file__).parent / "tensorflow" / "small"
DIM = 9


def test_what_tensorflow_wrote_is_read():
    read = read_bundle(str(SMALL))
    for name in ("float32", "float64", "float16", "int32", "int64", "uint8", "bool", "bfloat16"):
        expected = np.arange(6).reshape(2, 3).astype("float32" if name == "bfloat16" else name)
        assert read[f"types/{name}"].dtype == expected.dtype and np.array_equal(read[f"types/{name}"], expected)
    assert read["scalar"] == 2.5 and read["scalar"].shape == () and "text" not in read
    for i in range(40):
        assert read[f"layer{i:02d}/kernel"].tolist() == [[i, i]]


def test_the_last_checkpoint_of_a_folder_is_found(tmp_path):
    (tmp_path / "nnet").mkdir()
    for ending in (".index", ".data-00000-of-00001"):
        shutil.copyfile(f"{SMALL}{ending}", tmp_path / "nnet" / f"model-70{ending}")
    (tmp_path / "nnet" / "checkpoint").write_text('model_checkpoint_path: "/old/place/model-70"\n')
    names = [tmp_path, tmp_path / "nnet", tmp_path / "nnet" / "model-70", tmp_path / "nnet" / "model-70.meta"]
    assert all(read_checkpoint(str(name)).state["scalar"] == 2.5 for name in names)


@pytest.fixture
def copy(tmp_path):
    for ending in (".index", ".data-00000-of-00001"):
        shutil.copyfile(f"{SMALL}{ending}", tmp_path / f"small{ending}")
    return tmp_path / "small"


def test_an_index_cut_short_is_one_line(copy):
    whole = Path(f"{SMALL}.index").read_bytes()
    for length in range(0, len(whole), 13):
        Path(f"{copy}.index").write_bytes(whole[:length])
        with pytest.raises(InputError, match="not a readable TensorFlow checkpoint"):
            read_bundle(str(copy))


def test_any_changed_byte_of_an_index_is_read_or_refused(copy):
    whole = Path(f"{SMALL}.index").read_bytes()
    for place in range(0, len(whole), 11):
        Path(f"{copy}.index").write_bytes(whole[:place] + bytes([255 - whole[place]]) + whole[place + 1 :])
        try:
            read_bundle(str(copy))
        except InputError as error:
            assert "\n" not in str(error)


def test_numbers_that_are_missing_are_named(copy):
    data = Path(f"{copy}.data-00000-of-00001")
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(InputError, match="data-00000-of-00001: missing or truncated"):
        read_bundle(str(copy))


def make_variables(rng):
    """tf-kaldi-speaker's variables of a TDNN with statistics pooling, with an optimizer's and the classifier."""
    variables = {}
    sizes = {1: (1, 5, DIM, 512), 2: (1, 5, 512, 512), 3: (1, 7, 512, 512), 4: (512, 512), 5: (512, 1500)}
    for n, shape in (sizes | {6: (3000, 512), 7: (512, 512)}).items():
        affine, bn, dim = f"tdnn/tdnn{n}_{'conv' if n < 4 else 'dense'}", f"tdnn/tdnn{n}_bn", shape[-1]
        variables[f"{affine}/kernel"] = rng.normal(0, np.prod(shape[:-1]) ** -0.5, shape)
        variables[f"{bn}/moving_variance"] = rng.uniform(0.5, 2, dim)
        for name in (f"{affine}/bias", f"{bn}/gamma", f"{bn}/beta", f"{bn}/moving_mean"):
            variables[name] = rng.normal(0, 1, dim)
    variables["tdnn/tdnn1_bn/gamma/Momentum"] = np.zeros(512)
    variables["softmax/output/kernel"] = np.zeros((512, 40))
    return {name: array.astype(np.float32) for name, array in variables.items()}


def expected_embedding(variables, x):
    """What tf-kaldi-speaker's node tdnn6_dense is for x (T, F), by numpy."""

    def layer(x, n):
        kernel = variables[f"tdnn/tdnn{n}_{'conv' if n < 4 else 'dense'}/kernel"]
        bias = variables[f"tdnn/tdnn{n}_{'conv' if n < 4 else 'dense'}/bias"]
        width = kernel.shape[1] if n < 4 else 1
        spliced = np.concatenate([x[i : len(x) - width + 1 + i] for i in range(width)], axis=1)
        return spliced @ kernel.reshape(-1, kernel.shape[-1]) + bias

    for n in range(1, 6):
        gamma, beta, mean, variance = (
            variables[f"tdnn/tdnn{n}_bn/{k}"] for k in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        x = np.maximum(gamma * (layer(x, n) - mean) / np.sqrt(variance + 1e-3) + beta, 0)
    pooled = np.concatenate([x.mean(axis=0), np.sqrt(np.maximum(x.var(axis=0), 1e-12))])
    return layer(pooled[None], 6)[0]


@pytest.fixture
def source(tf_kaldi_json, monkeypatch):
    """The Checkpoint of a made-up checkpoint, which `convert` finds whatever it is told."""
    settings = json.loads((tf_kaldi_json / "tdnn_amsoftmax_m0.20_linear_bn_1e-2.json").read_text())
    made = Checkpoint("nnet/model/speaker_net-7.index", make_variables(np.random.default_rng(0)), settings)
    for module in (conversion, convert_checkpoint):
        monkeypatch.setattr(module, "read_checkpoint", lambda path: made)
    return made


def test_its_embeddings_are_those_of_the_formulas(source):
    converted = conversion.convert("exp/xvector")
    assert (
        converted.toolkit == "tf_kaldi" and converted.input_dim == DIM and converted.model.node == "embedding1.affine"
    )
    x = np.random.default_rng(1).normal(size=(60, DIM)).astype(np.float32)
    expected = expected_embedding(source.state, x)
    found = np.array(converted.model.extract(mx.array(x[None])))[0]
    assert np.abs(found - expected).max() < 1e-4 * np.linalg.norm(expected)


def test_its_features_are_told_or_unknown(source, tmp_path, caplog):
    main(["exp/xvector", str(tmp_path / "a")])
    assert load_speaker_net(str(tmp_path / "a"))[2]["feats_conf"] is None and "which features it takes" in caplog.text
    options = MfccOptions(num_ceps=DIM, dither=0.0).to_dict()
    conf = {"type": "mfcc", "options": options, "cmvn": "sliding", "silence_removed": True}
    (tmp_path / "feats_conf.json").write_text(json.dumps(conf))
    main(["--feats-conf", str(tmp_path / "feats_conf.json"), "exp/xvector", str(tmp_path / "b")])
    assert load_speaker_net(str(tmp_path / "b"))[2]["feats_conf"] == conf and (tmp_path / "b" / "mfcc.conf").exists()
    (tmp_path / "feats_conf.json").write_text(json.dumps(conf | {"options": options | {"num_ceps": 12}}))
    with pytest.raises(InputError, match="takes 9 features per frame"):
        main(["--feats-conf", str(tmp_path / "feats_conf.json"), "exp/xvector", str(tmp_path / "c")])
    (tmp_path / "feats_conf.json").write_text("[]")
    with pytest.raises(InputError, match="feats_conf.json: must be a JSON object"):
        main(["--feats-conf", str(tmp_path / "feats_conf.json"), "exp/xvector", str(tmp_path / "c")])


@pytest.mark.parametrize("name", ["tdnn/tdnn1_conv/kernel", "tdnn/tdnn3_bn/moving_mean", "tdnn/tdnn6_dense/kernel"])
def test_a_missing_or_misshapen_variable_is_named(source, name):
    kept = source.state.pop(name)
    with pytest.raises(InputError, match=f"{name} is missing"):
        conversion.convert("exp/xvector", "tf_kaldi")
    source.state[name] = kept[..., :7]
    with pytest.raises(InputError, match=f"{name} does not have the shape of"):
        conversion.convert("exp/xvector", "tf_kaldi")


def test_its_configuration_must_be_there(source):
    source.settings.clear()
    with pytest.raises(InputError, match="config.json is missing beside it; it defines the network"):
        conversion.convert("exp/xvector")
