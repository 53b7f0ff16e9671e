"""Classes from outside the package, named in a configuration as module:Class: checked, trained, extracted, resumed."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from toy_data import make_config, make_data

from nnet.bin import check_config, extract_embeddings, train_nnet
from nnet.config import build_config, load_config
from nnet.errors import InputError
from nnet.kaldi.ark import read_dict
from nnet.model.directory import load_speaker_net
from nnet.ops import mx
from nnet.training.trainer import Trainer

OWN = {
    "network": {"type": "own_system:FrameNet", "width": 12},
    "pooling": {"type": "own_system:Range"},
    "loss": {"type": "own_system:CosineMargin", "margin": 0.1, "scale": 8.0},
    "auxiliary": [{"type": "own_system:Length"}],
    "optimizer": {"type": "own_system:Sign", "weight_decay": 1e-4},
    "schedule": {"type": "own_system:Constant"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_data(folder / "train", utterances=6)
    make_data(folder / "valid", utterances=2, seed=1)
    return folder


def train(data, config, directory, *options):
    train_nnet.main([*options, str(config), str(data / "train"), str(data / "valid"), str(directory)])
    return mx.load(str(directory / "model.safetensors"))


def test_a_system_of_own_classes_is_trained_and_extracted(data, tmp_path):
    config = make_config(tmp_path / "c.json", training={"epochs": 1}, **OWN)
    weights = train(data, config, tmp_path / "exp")
    assert {"network.layer1.weight", "loss.weight"} <= weights.keys()
    written = json.loads((tmp_path / "exp" / "config.json").read_text())
    assert written["network"] == {"type": "own_system:FrameNet", "width": 12}
    assert written["pooling"] == {"type": "own_system:Range", "smallest": True}
    model, _, _ = load_speaker_net(str(tmp_path / "exp"))
    assert type(model.network).__name__ == "FrameNet" and model.pooling.out_dim == 24
    extract_embeddings.main([str(tmp_path / "exp"), str(data / "valid"), str(tmp_path / "xvector")])
    vectors = read_dict(f"scp:{tmp_path}/xvector.scp")
    assert len(vectors) == 12 and all(v.shape == (12,) and np.isfinite(v).all() for v in vectors.values())


class Killed(Exception):
    pass


def test_a_resumed_training_of_own_classes_equals_an_undisturbed_one(data, tmp_path, monkeypatch):
    config = make_config(tmp_path / "c.json", training={"epochs": 2, "save_every": 2}, **OWN)
    expected = train(data, config, tmp_path / "a")
    update = Trainer.update

    def dying(trainer, epoch, step, batches):
        if (epoch, step) == (1, 3):
            raise Killed
        return update(trainer, epoch, step, batches)

    monkeypatch.setattr(Trainer, "update", dying)
    with pytest.raises(Killed):
        train(data, config, tmp_path / "b")
    monkeypatch.setattr(Trainer, "update", update)
    resumed = train(data, config, tmp_path / "b", "--resume", "true")
    assert resumed.keys() == expected.keys()
    assert all(np.array_equal(np.array(resumed[n]), np.array(expected[n])) for n in expected)
    changed = ["--set", "network.type=tdnn", "--resume", "true"]
    with pytest.raises(InputError, match="cannot resume with different network.type"):
        train(data, config, tmp_path / "b", *changed)


def test_an_override_names_a_class_and_keeps_the_options_that_it_has(tmp_path):
    config = make_config(tmp_path / "c.json", loss={"type": "additive_margin", "margin": 0.3, "top_k": 2})
    choice = load_config(str(config), ["loss.type=own_system:CosineMargin", "loss.scale=4"]).loss
    assert (choice.type, choice.options.margin, choice.options.scale) == ("own_system:CosineMargin", 0.3, 4.0)


def test_check_config_builds_and_explains_own_classes(tmp_path, capsys):
    config = str(make_config(tmp_path / "c.json", **OWN))
    check_config.main(["--dim", "20", config])
    assert "every gradient finite" in capsys.readouterr().out
    check_config.main(["--explain", "network.width", config])
    out = capsys.readouterr().out
    assert "network of type own_system:FrameNet: Two affine layers on single frames." in out
    assert "width (an integer; at least 1; default 16): Width of both layers." in out


@pytest.mark.parametrize(("loss", "answer"), [("own_system:CosineMargin", "true"), ("softmax", "false")])
def test_a_recipe_sees_the_margin_of_an_own_loss(root, tmp_path, loss, answer):
    script = '. steps/recipe.sh; nnet_conf=$1 set=$2 large_margin=loss.margin=0.5; check_training; echo "$margin"'
    environment = os.environ | {
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
        "PYTHONPATH": f"{root}:{root / 'tests'}",
    }
    command = ["bash", "-euc", script, "run.sh", str(make_config(tmp_path / "c.json")), f"loss.type={loss}"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == (answer, "")


BROKEN = [
    (
        {"type": "own_system:FrameNet", "widht": 3},
        'widht is not an option of type own_system:FrameNet; did you mean "width"?',
    ),
    ({"type": "own_system:FrameNet", "width": "3"}, "network.width must be an integer, not '3'"),
    ({"type": "own_system:FrameNet", "width": 0}, "network.width must be at least 1, not 0"),
    ({"type": "own_system:FrameNett"}, 'module own_system has no class FrameNett; did you mean "FrameNet"?'),
    (
        {"type": "own_systm:FrameNet"},
        "cannot be imported: ModuleNotFoundError: No module named 'own_systm'; is its folder in PYTHONPATH?",
    ),
    ({"type": ":FrameNet"}, "cannot be imported: ValueError"),
    ({"type": "own_system:Range"}, "Range must derive from Network of nnet.networks.base"),
    ({"type": "own_system:Plain"}, "Plain must derive from Network of nnet.networks.base"),
    (
        {"type": "own_system:Undeclared"},
        "Undeclared has no options dataclass; give its constructor options=MyOptions() as a default",
    ),
    ({"type": "own_system:Undocumented"}, "declare width of UndocumentedOptions with nnet.options.option"),
    ({"type": "own_system.FrameNet"}, "is not known; write a class of your own as package.module:Class"),
    ({"type": ["resnet"]}, 'network.type ["resnet"] is not known; known: campplus'),
]


@pytest.mark.parametrize(("network", "message"), BROKEN)
def test_a_wrong_class_is_refused_in_one_line(network, message):
    with pytest.raises(InputError) as error:
        build_config({"network": network}, "c.json")
    assert message in str(error.value)
    assert str(error.value).startswith("c.json: network.") and "\n" not in str(error.value)


def test_an_error_in_an_own_module_is_named_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "broken_module.py").write_text("def f(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError) as error:
        build_config({"loss": {"type": "broken_module:Loss"}}, "c.json")
    message = 'c.json: loss.type "broken_module:Loss": module broken_module cannot be imported: SyntaxError: '
    assert str(error.value).startswith(message) and "\n" not in str(error.value)
