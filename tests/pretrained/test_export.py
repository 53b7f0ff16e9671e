"""Models given away: the folder, its card and self-test, the PyTorch checkpoint, names on a hub."""

import json
import os
import re
import shutil
import sys
import types
from functools import partial

import numpy as np
import pytest
import yaml
from toy_checkpoint import make_checkpoint, make_speech
from toy_data import make_config

import nnet
from nnet.backend.calibration import Calibration, write_calibration
from nnet.backend.duration_calibration import DurationCalibration, write_duration_calibration
from nnet.backend.impostors import Impostors
from nnet.bin import audio_options
from nnet.bin.compare import main as compare
from nnet.bin.convert_checkpoint import main as convert
from nnet.bin.export_model import main as export
from nnet.bin.find_model import main as find_model
from nnet.config import build_config, load_config
from nnet.errors import InputError
from nnet.export.torch_writer import write_torch_state
from nnet.kaldi.trials import Trials
from nnet.model import hub as models
from nnet.model.directory import load_speaker_net, save_config
from nnet.model.speaker_net import build_model
from nnet.model.weights import save_weights, weights_of
from nnet.ops import mx
from nnet.pretrained.convert import convert as convert_to_model
from nnet.pretrained.front_ends import front_end
from nnet.pretrained.torch_file import read_torch_state
from nnet.report.results import ReportOptions, evaluate
from nnet.training.finetune import initialize_from


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrained")
    convert([make_checkpoint(folder / "weights.npz"), str(folder / "model")])
    write_calibration(folder / "model" / "cosine_calibration.json", Calibration(-3.0, np.array([10.0]), 0.01), {})
    return folder / "model"


@pytest.fixture
def exported(model_dir, tmp_path):
    export(["--license", "cc-by-4.0", "--data", "12 tones", str(model_dir), str(tmp_path / "out")])
    return tmp_path / "out"


def metrics_of(path):
    """Writes a metrics.json of a few made-up scores; returns its content."""
    rng = np.random.default_rng(0)
    target = np.arange(60) % 3 == 0
    sides = rng.integers(0, 8, 60), rng.integers(0, 8, 60)
    names = [f"s{i}" for i in range(8)]
    trials = Trials("data/x/trials", names, names, *sides, target)
    results = evaluate(trials, {"cosine": lambda: target + rng.normal(size=60)}, ReportOptions())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results))
    return results


def test_an_export_gives_the_same_numbers_elsewhere(model_dir, exported, tmp_path):
    paths = list(make_speech(tmp_path / "data", speakers=1, utterances=2).values())
    there = shutil.copytree(exported, tmp_path / "elsewhere")
    ours, theirs = nnet.load_model(model_dir), nnet.load_model(there)
    for path in paths:
        assert np.array_equal(ours.embed_file(path), theirs.embed_file(path))
    assert theirs.probability(0.3) == ours.probability(0.3)
    assert (there / "fbank.conf").exists()


def test_half_the_size_gives_nearly_the_same_numbers(model_dir, tmp_path):
    path = next(iter(make_speech(tmp_path / "data", speakers=1, utterances=1).values()))
    export(["--half", "true", str(model_dir), str(tmp_path / "half")])
    whole, half = (mx.load(str(d / "model.safetensors")) for d in (model_dir, tmp_path / "half"))
    assert {str(w.dtype) for w in half.values()} == {"mlx.core.float16"}
    assert sum(w.nbytes for w in half.values()) == sum(w.nbytes for w in whole.values() if w.dtype == mx.float32) / 2
    ours, theirs = (nnet.load_model(d) for d in (model_dir, tmp_path / "half"))
    assert theirs.net.precision == "float32"
    vectors = ours.embed_file(path), theirs.embed_file(path)
    assert 0 < np.abs(vectors[0] - vectors[1]).max() < 5e-3 * np.linalg.norm(vectors[0])


def test_a_calibration_by_duration_goes_with_the_rounded_weights(model_dir, tmp_path):
    own = shutil.copytree(model_dir, tmp_path / "own")
    impostors = Impostors(np.zeros(2), np.array([-5.0, 0.1]), 0.05, np.array([-1.0, 1.0]), np.log([1.0, 0.1]), -3.0)
    calibration = DurationCalibration(Calibration(-10.0, np.array([29.0, 5.0, -3.0]), 0.01), (0.5, 15.0), impostors)
    write = partial(write_duration_calibration, own / "cosine_calibration.json", calibration, description={})
    write(nnet.load_model(own).checksum)
    for half in ("true", "false"):
        export(["--half", half, str(own), str(tmp_path / half)])
        model = nnet.load_model(tmp_path / half)
        assert model.probability(0.4, seconds=(2.0, 3.0)) == nnet.load_model(own).probability(0.4, seconds=(2.0, 3.0))
    write("another")
    with pytest.raises(InputError, match="own/cosine_calibration.json: made for another model"):
        export(["--half", "true", str(own), str(tmp_path / "out")])


def test_a_model_of_the_package_is_found_by_name(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "SHIPPED", str(tmp_path))
    monkeypatch.chdir(exported)
    assert models.shipped_models() == ["out"] and models.find_model("out") == str(exported)
    assert nnet.load_model("out").dim == nnet.load_model(exported).dim
    net, _, _ = load_speaker_net("out")
    initialize_from(net, "out", ())
    (exported / "out").mkdir()
    assert models.find_model("out") == "out", "a folder of that name comes first"


def test_a_comparison_needs_no_name_of_a_model(exported, tmp_path, monkeypatch, capsys):
    a, b = (str(p) for p in make_speech(tmp_path / "data", speakers=1, utterances=2).values())
    compare([str(exported), a, b])
    expected = capsys.readouterr().out
    monkeypatch.setattr(models, "SHIPPED", str(tmp_path / "none"))
    with pytest.raises(InputError, match="a model must come before the audio files"):
        compare([a, b])
    monkeypatch.setattr(models, "SHIPPED", str(tmp_path))
    monkeypatch.setattr(audio_options, "DEFAULT_MODEL", "out")
    compare([a, b])
    assert capsys.readouterr().out == expected != ""
    with pytest.raises(InputError, match="none.wav: no such audio file or model directory"):
        compare(["none.wav", a])
    with pytest.raises(InputError, match="nobody: no such audio file or model directory"):
        compare(["nobody"])
    with pytest.raises(InputError, match="user/name.v2: no audio files after the model"):
        compare(["user/name.v2"])
    find_model(["out"])
    assert capsys.readouterr().out == f"{exported}\n"
    with pytest.raises(
        InputError, match="small: neither a model directory nor the name of a model; this package has .*out"
    ):
        find_model(["small"])


def test_what_belongs_to_one_training_is_not_published(model_dir, tmp_path):
    own = shutil.copytree(model_dir, tmp_path / "own")
    values = json.loads((own / "config.json").read_text())
    values |= {"loss": {"type": "none"}, "distillation": {"teacher": "/here/teacher"}}
    values |= {"data": values["data"] | {"source": "audio"}, "augmentation": {"noises": "/here/noises"}}
    values["training"] |= {"freeze": ["network.*"], "ema": 0.9}
    (own / "config.json").write_text(json.dumps(values))
    export([str(own), str(tmp_path / "out")])
    written = (tmp_path / "out" / "config.json").read_text()
    assert "/here" not in written and json.loads(written)["loss"]["type"] == "additive_angular_margin"
    training = json.loads(written)["training"]
    assert not training["freeze"] and not training["ema"]
    assert nnet.load_model(tmp_path / "out").dim == nnet.load_model(model_dir).dim


def test_weights_that_float16_cannot_hold_leave_no_model_behind(model_dir, tmp_path):
    own = shutil.copytree(model_dir, tmp_path / "own")
    weights = dict(mx.load(str(own / "model.safetensors")))
    name = next(name for name in weights if name.endswith("running_var"))
    save_weights(str(own / "model.safetensors"), weights | {name: weights[name] + 1e5})
    with pytest.raises(InputError, match=f"--half: {name} holds values beyond the range of float16"):
        export(["--half", "true", str(own), str(tmp_path / "out")])
    export([str(own), str(tmp_path / "out")])


def test_an_export_is_not_overwritten(model_dir, exported):
    with pytest.raises(InputError, match="holds a model already"):
        export([str(model_dir), str(exported)])


def test_the_classifier_stays_at_home(model_dir, tmp_path):
    own = shutil.copytree(model_dir, tmp_path / "own")
    weights = mx.load(str(own / "model.safetensors"))
    save_weights(str(own / "model.safetensors"), weights | {"loss.weight": mx.zeros((5, 6))})
    export([str(own), str(tmp_path / "out")])
    assert mx.load(str(tmp_path / "out" / "model.safetensors")).keys() == weights.keys()


def test_the_self_test_finds_a_changed_weight(exported):
    nnet.load_model(exported)
    path = str(exported / "model.safetensors")
    weights = mx.load(path)
    save_weights(path, weights | {"network.conv1.weight": 1.1 * weights["network.conv1.weight"]})
    with pytest.raises(InputError, match="self_test.safetensors: the model does not give the embedding"):
        nnet.load_model(exported)


def test_the_card_says_what_it_was_told(exported):
    card = (exported / "README.md").read_text()
    assert card.startswith("---\nlicense: cc-by-4.0\n") and "# out\n" in card
    assert "**Training data**: 12 tones" in card and "**Training speakers**: not recorded" in card
    assert "16 log mel bins at 16000 Hz" in card and "None were recorded" in card


def test_every_figure_of_the_card_comes_from_metrics_json(model_dir, tmp_path):
    own = shutil.copytree(model_dir, tmp_path / "own")
    results = metrics_of(own / "report" / "x" / "metrics.json")
    (own / "diarization").mkdir()
    (own / "diarization/metrics.json").write_text('{"recordings": {}}')
    export([str(own), str(tmp_path / "out")])
    card = (tmp_path / "out" / "README.md").read_text()
    assert "license:" not in card and "**Licence**: not stated" in card
    metrics = card.split("## Metrics")[1].split("## Use")[0]
    figures = results["systems"]["cosine"]
    known = {f"{100 * figures['eer']:.3f}", *(f"{cost:.4f}" for cost in figures["min_dcf"].values())}
    assert f"| cosine | 20 | 40 | {100 * figures['eer']:.3f} |" in metrics
    assert set(re.findall(r"\d+\.\d{3,}", metrics)) - known <= {"0.001"}  # a prior
    with pytest.raises(InputError, match="is no metrics.json"):
        export(["--metrics", str(own / "config.json"), str(own), str(tmp_path / "other")])


def test_a_network_that_wespeaker_does_not_have_is_refused(tmp_path):
    config = load_config(str(make_config(tmp_path / "c.json")))
    save_weights(str(tmp_path / "model.safetensors"), weights_of(build_model(config, 13)))
    save_config(str(tmp_path), config, 13, 5, None)
    with pytest.raises(InputError, match="WeSpeaker has no such network"):
        export(["--pytorch", "true", str(tmp_path), str(tmp_path / "out")])
    export(["--license", "other: see LICENSE", str(tmp_path), str(tmp_path / "out")])
    card = (tmp_path / "out" / "README.md").read_text()
    assert "**Features**: not stated" in card
    assert yaml.safe_load(card.split("---")[1])["license"] == "other: see LICENSE"


def test_a_pooling_that_the_file_cannot_name_is_refused(tmp_path):
    network = {"type": "resnet", "depth": 18, "channels": 4}
    sections = {"network": network, "pooling": {"type": "average"}, "embedding": {"dims": [8], "order": "none"}}
    config = load_config(str(make_config(tmp_path / "c.json", **sections)))
    save_weights(str(tmp_path / "model.safetensors"), weights_of(build_model(config, 16)))
    save_config(str(tmp_path), config, 16, 5, None)
    with pytest.raises(InputError, match="model.pt cannot say that the pooling is average"):
        export(["--pytorch", "true", str(tmp_path), str(tmp_path / "out")])


def test_a_written_checkpoint_is_read_without_pytorch(tmp_path):
    state = {"a.weight": np.arange(6.0).reshape(2, 3), "b": np.float32(2.5).reshape(()), "c": np.ones((2, 3, 4)).T}
    write_torch_state(tmp_path / "model.pt", state)
    read = read_torch_state(str(tmp_path / "model.pt"))[0]
    assert list(read) == list(state)
    assert all(np.array_equal(read[name], array) for name, array in state.items())


def test_pytorch_reads_a_written_checkpoint(tmp_path):
    torch = pytest.importorskip("torch")
    state = {"a.weight": np.arange(6.0).reshape(2, 3), "b": np.float32(2.5).reshape(())}
    write_torch_state(tmp_path / "model.pt", state)
    read = torch.load(tmp_path / "model.pt", weights_only=True)
    assert list(read) == list(state) and read["a.weight"].dtype == torch.float32
    assert all(np.array_equal(read[name].numpy(), array) for name, array in state.items())


WIDTHS = {"feat_dim": 80, "channels": 2, "group": 1, "embed_dim": 12}  # of small ReDimNets
# A twin, its options, its pooling's eps, and the file by which its front end is known.
TWINS = [
    ("XVector", {}, 1e-7, "avg_model.pt"),
    ("ResNet", {"depth": 18}, 1e-7, "avg_model.pt"),
    ("ResNet", {"depth": 50, "m_channels": 2, "two_emb_layer": True}, 1e-8, "embedding_model.ckpt"),
    ("EcapaTdnn", {"channels": 512, "context": True}, 1e-7, "avg_model.pt"),
    ("CamPlusPlus", {"m_channels": 8, "growth": 8, "blocks": (3, 4, 2), "embed_dim": 12}, 0.0, "embedding_model.ckpt"),
    ("RepVgg", {"depths": (2, 4, 14, 1), "widths": (48, 48, 96, 192, 1280)}, 1e-7, "avg_model.pt"),
    ("RepVgg", {"depths": (2, 4, 14, 1), "widths": (48, 48, 96, 192, 1280), "fused": True}, 1e-7, "avg_model.pt"),
    ("NextTdnn", {"channels": 16, "blocks": 1}, 0.0, "model.pt"),
    ("Res2Net", {"embed_dim": 12}, 1e-7, "avg_model.pt"),
    ("WespeakerERes2Net", {"embed_dim": 12}, 1e-7, "avg_model.pt"),
    ("ERes2Net", {"m_channels": 8, "embed_dim": 12, "two_emb_layer": True}, 1e-8, "embedding_model.ckpt"),
    ("ERes2NetV2", {"m_channels": 8, "embed_dim": 12}, 1e-8, "embedding_model.ckpt"),
    ("ReDimNet", {"stages": [(1, 1, 2, 20), (2, 1, 1, 0)], "wespeaker": True} | WIDTHS, 0, "avg_model.pt"),
    ("ReDimNet", {"stages": [(1, 1, 2, 20), (2, 1, 1, 0)]} | WIDTHS, 0, "model.pt"),
    ("ReDimNet", {"stages": [(1, 2, 1, 2, 0)], "out_channels": 6, "out_map": True} | WIDTHS, 0, "model.pt"),
    ("SimAmResNet", {"depth": 34, "in_planes": 4}, 1e-7, "avg_model.pt"),
    ("DfResNet", {"blocks": (3, 3, 9, 3), "channels": 32}, 1e-7, "avg_model.pt"),
    ("EcapaTdnn", {"channels": 512, "posterior": True}, 1e-7, "avg_model.pt"),
    ("XVector", {"posterior": True}, 1e-7, "avg_model.pt"),
]

RES2NETS = {"Res2Net": "Res2Net34_Base", "WespeakerERes2Net": "ERes2Net34_Base"}  # in WeSpeaker's config.yaml


@pytest.mark.parametrize("cls, options, eps, name", TWINS)
def test_an_exported_checkpoint_loads_back_into_pytorch(
    cls, options, eps, name, tmp_path, make_twin, twins, equal_embeddings
):
    torch = pytest.importorskip("torch")
    original, copy = make_twin(cls, **options), getattr(twins, cls)(**options).eval()
    for twin in (original, copy):
        for module in twin.modules():
            if isinstance(module, twins.StatisticsPooling):
                module.eps = eps
    torch.save(original.state_dict(), tmp_path / name)
    convert([str(tmp_path / name), str(tmp_path / "model")])
    export(["--pytorch", "true", str(tmp_path / "model"), str(tmp_path / "out")])
    exported = tmp_path / "out" / "pytorch" / name
    copy.load_state_dict(torch.load(exported, weights_only=True))
    if cls in RES2NETS and name == "avg_model.pt":
        assert yaml.safe_load((exported.parent / "config.yaml").read_text())["model"] == RES2NETS[cls]
    equal_embeddings(load_speaker_net(str(tmp_path / "out"))[0], copy, 120, 80)
    again = convert_to_model(str(tmp_path / "out" / "pytorch"))
    assert again.config.network == load_speaker_net(str(tmp_path / "out"))[1].network
    assert again.feats_conf == load_speaker_net(str(tmp_path / "out"))[2]["feats_conf"]
    equal_embeddings(again.model, original, 120, 80)


def make_fbank_model(directory):
    """Changes the features of a model to filter banks."""
    config = json.loads((directory / "config.json").read_text())
    config["features"]["type"] = "fbank"
    config["model"]["feats_conf"] = front_end("", 80, window_type="hamming")
    (directory / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("normalized", [False, True])
def test_a_redimnet2_of_wespeaker_keeps_its_front_end(normalized, tmp_path, make_twin):
    torch = pytest.importorskip("torch")
    twin = make_twin("ReDimNet", stages=[(1, 2, 1, 2, 0)], out_channels=6, out_map=True, **WIDTHS)
    torch.save(twin.state_dict(), tmp_path / "avg_model.pt")
    tfmel = {"n_mels": 80, "f_max": 7000, "norm_signal": normalized, "eps": 1e-7}
    settings = {"dataset_args": {"frontend": "tfmel", "cmvn": False, "tfmel_args": tfmel}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
    convert([str(tmp_path), str(tmp_path / "model")])
    export(["--pytorch", "true", str(tmp_path / "model"), str(tmp_path / "out")])
    settings = yaml.safe_load((tmp_path / "out" / "pytorch" / "config.yaml").read_text())
    assert settings["dataset_args"]["cmvn"] is False, "their front end subtracts the mean itself"
    again = convert_to_model(str(tmp_path / "out" / "pytorch"))
    assert again.feats_conf == load_speaker_net(str(tmp_path / "model"))[2]["feats_conf"]
    assert again.feats_conf["options"]["normalize_signal"] == normalized
    make_fbank_model(tmp_path / "model")
    export(["--pytorch", "true", str(tmp_path / "model"), str(tmp_path / "other")])
    assert os.listdir(tmp_path / "other" / "pytorch") == ["model.pt"], "WeSpeaker's takes tfmel only"


OTHER_SIZES = [
    ("WespeakerERes2Net", {"m_channels": 8, "num_blocks": (1, 1, 1, 1)}),
    ("ERes2NetV2", {"m_channels": 8, "num_blocks": (1, 1, 1, 1)}),
    ("ResNet", {"depth": 18, "m_channels": 4}),
    ("DfResNet", {"blocks": (3, 4, 8, 3), "channels": 4}),
    ("EcapaTdnn", {"channels": 32}),
    ("CamPlusPlus", {"m_channels": 8, "growth": 8, "blocks": (3, 4, 2)}),
]


@pytest.mark.parametrize("cls, options", OTHER_SIZES)
def test_a_size_that_wespeaker_does_not_have_is_exported_without_its_settings(cls, options, tmp_path, make_twin):
    torch = pytest.importorskip("torch")
    torch.save(make_twin(cls, **options).state_dict(), tmp_path / "avg_model.pt")
    convert([str(tmp_path / "avg_model.pt"), str(tmp_path / "model")])
    export(["--pytorch", "true", str(tmp_path / "model"), str(tmp_path / "out")])
    assert [path.name for path in (tmp_path / "out" / "pytorch").iterdir()] == ["model.pt"]


RESNET, TDNN = {"type": "resnet", "depth": 18, "channels": 32}, {"type": "tdnn", "dims": [8, 8, 8, 8, 24]}
NOT_THEIRS = [  # with the window of WeSpeaker's features, hamming, or 3D-Speaker's
    ("hamming", RESNET, {"type": "statistics"}, [16, 8]),
    ("hamming", TDNN, {"type": "statistics"}, [16, 8]),
    ("hamming", TDNN, {"type": "statistics"}, [8]),
    ("povey", RESNET, {"type": "channel_attention", "hidden_dim": 128}, [8]),
]


@pytest.mark.parametrize("window, network, pooling, dims", NOT_THEIRS)
def test_embeddings_and_poolings_that_neither_has_are_exported_as_weights_alone(
    window, network, pooling, dims, tmp_path
):
    sections = {"features": {"type": "fbank"}, "network": network, "pooling": pooling}
    embedding = {"dims": dims, "node": "output"} | (
        {"order": "none"} if len(dims) == 1 else {"last": "affine", "bn_affine": False}
    )
    config = build_config(sections | {"embedding": embedding}, "conf")
    (tmp_path / "model").mkdir()
    save_config(tmp_path / "model", config, 80, None, front_end("", 80, window_type=window))
    save_weights(str(tmp_path / "model/model.safetensors"), weights_of(build_model(config, 80)))
    export(["--pytorch", "true", str(tmp_path / "model"), str(tmp_path / "out")])
    assert os.listdir(tmp_path / "out/pytorch") == ["model.pt"]
    again = convert_to_model(str(tmp_path / "out/pytorch"), "wespeaker")
    assert again.config.pooling.type == pooling["type"] and list(again.config.embedding.dims) == dims


@pytest.fixture
def hub(monkeypatch):
    """A huggingface_hub that gives a folder for user/model and fails for others."""
    module = types.ModuleType("huggingface_hub")
    module.folders, module.asked = {}, []

    def snapshot_download(name, allow_patterns):
        module.asked.append(allow_patterns)
        if name not in module.folders:
            raise ConnectionError("404 Client Error.\nRepository Not Found")
        return module.folders[name]

    module.snapshot_download = snapshot_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    return module


def test_a_model_is_loaded_by_its_name_on_the_hub(hub, exported):
    hub.folders["user/model"] = str(exported)
    assert nnet.load_model("user/model").dim == 6
    assert "model.safetensors" in hub.asked[0] and "*" not in hub.asked[0]
    with pytest.raises(InputError, match="user/other: no such directory, .* 404 Client Error. Repository Not Found"):
        nnet.load_model("user/other")


def test_without_the_hub_its_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match="exp/nothing: no such directory; .* pip install huggingface_hub"):
        nnet.load_model("exp/nothing")


@pytest.mark.parametrize("name", ["/no/such/model", "../model", "nothing", "exp/a/b"])
def test_what_is_no_name_on_a_hub_is_not_asked_for(hub, name):
    with pytest.raises(InputError, match="not a model directory"):
        nnet.load_model(name)
    assert not hub.asked
