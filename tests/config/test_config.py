"""Configurations: defaults, overrides, and one clear line for each way to write one wrongly."""

import json

import pytest

from nnet.config import TYPED, build_config, load_config
from nnet.config.types import KINDS
from nnet.errors import InputError


def written(tmp_path, text):
    path = tmp_path / "c.json"
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return str(path)


def test_an_empty_configuration_is_a_whole_one(tmp_path):
    config = load_config(written(tmp_path, {}))
    assert config.network.type == "tdnn"
    assert config.loss.type == "softmax"
    assert config.embedding.dims == (512, 512)


def test_another_file_of_rates_replaces_those_of_a_model(tmp_path):
    for name, rate in (("old.txt", 0.1), ("new.txt", 0.2)):
        (tmp_path / name).write_text(f"{rate}\n" * 2)
    schedule = {"type": "file", "file": "old.txt"}
    config = load_config(written(tmp_path, {"schedule": schedule, "training": {"epochs": 2}}))
    path = written(tmp_path, config.to_dict())
    assert load_config(path).schedule.options.rates == (0.1, 0.1)
    assert load_config(path, ["schedule.file=new.txt"]).schedule.options.rates == (0.2, 0.2)


def test_what_is_written_comes_back(tmp_path):
    config = load_config(written(tmp_path, {"network": {"type": "resnet"}, "training": {"epochs": 7}, "note": "mine"}))
    assert build_config(json.loads(json.dumps(config.to_dict())), "again") == config


@pytest.mark.parametrize("section", TYPED)
def test_every_type_has_defaults_that_hold(section):
    for kind in KINDS[section].registry:
        values = {section: {"type": kind}}
        if kind == "file":
            values["schedule"] = {"type": "file", "rates": [0.1] * 20}
        if kind == "none":
            values["auxiliary"] = [{"type": "ring"}]
        assert getattr(build_config(values, "c.json"), section).type == kind


@pytest.mark.parametrize("text", ['["network.*","loss.*"]', "[network.*,loss.*]", "[network.*, loss.*]"])
def test_an_override_may_be_a_list_whose_quotes_a_shell_took(tmp_path, text):
    config = load_config(written(tmp_path, {}), [f"training.freeze={text}", "network.dims=[8,12]"])
    assert config.training.freeze == ("network.*", "loss.*") and config.network.options.dims == (8, 12)


def test_an_override_wins_over_the_file(tmp_path):
    path = written(tmp_path, {"training": {"epochs": 7}})
    config = load_config(path, ["training.epochs=3", "network.dims=[8,8,8,8,8]", "optimizer.type=adam"])
    assert (config.training.epochs, config.network.options.dims[0], config.optimizer.type) == (3, 8, "adam")


def test_one_string_may_hold_several_overrides(tmp_path):
    words = "training.epochs=3  network.dims=[8, 8, 8, 8, 8]\n spec_augment=null note=a b optimizer.type=adam "
    config = load_config(written(tmp_path, {}), ["", words, "training.seed=5"])
    assert (config.training.epochs, config.training.seed, config.note) == (3, 5, "a b")
    assert config.network.options.dims == (8, 8, 8, 8, 8) and config.optimizer.type == "adam"


def test_another_type_keeps_only_the_options_it_has(tmp_path):
    path = written(tmp_path, {"optimizer": {"type": "momentum", "momentum": 0.5, "weight_decay": 0.1}})
    config = load_config(path, ["optimizer.type=adam"])
    assert config.optimizer.options.weight_decay == 0.1


def test_a_file_of_rates_is_read_into_the_configuration(tmp_path):
    (tmp_path / "rates").write_text("0.1\n0.05\n\n0.01\n")
    path = written(tmp_path, {"schedule": {"type": "file", "file": "rates"}, "training": {"epochs": 3}})
    assert load_config(path).schedule.options.rates == (0.1, 0.05, 0.01)


BROKEN = [
    ("{", "not JSON"),
    ("[1]", "must be a JSON object"),
    ('{"training": {"epochs": 1, "epochs": 2}}', "duplicate key epochs; keep one"),
    ({"trainning": {}}, 'trainning is not a known section; did you mean "training"?'),
    ({"training": {"epoch": 3}}, 'training.epoch is not a known key; did you mean "epochs"?'),
    ({"training": 3}, "training must be an object {...}, not 3"),
    ({"training": {"epochs": "3"}}, "training.epochs must be an integer, not '3'"),
    (
        {"network": {"type": "tdnn", "dims": [3000000000]}},
        "network.dims[0] must be an integer of 32 bits, not 3000000000",
    ),
    ({"training": {"epochs": 2.5}}, "training.epochs must be an integer, not 2.5"),
    ({"training": {"epochs": True}}, "training.epochs must be an integer, not True"),
    ({"training": {"epochs": 0}}, "training.epochs must be at least 1, not 0"),
    ({"training": {"ema": 1.0}}, "training.ema 1 would keep the first weights"),
    ({"data": {"source": "audio", "speeds": [1.0, 0.9]}}, "data.speeds: 1 is the original, which is always there"),
    ({"data": {"source": "audio", "speeds": [0.9, 0.9]}}, "data.speeds: a speed is repeated"),
    ({"training": {"clip_norm": 0}}, "training.clip_norm must be above 0, not 0.0"),
    ({"network": {"type": "tdn"}}, 'network.type "tdn" is not known; did you mean "tdnn"?'),
    ({"network": {"dims": 512}}, "network.dims must be a list, not 512"),
    ({"network": {"dims": [512, "a"]}}, "network.dims[1] must be an integer, not 'a'"),
    ({"network": {"order": "bn"}}, "network.order must be one of relu-bn, bn-relu, not 'bn'"),
    (
        {"loss": {"type": "softmax", "margin": 0.2}},
        "loss.margin is not an option of type softmax; it belongs to type a_softmax, additive_margin",
    ),
    (
        {"optimizer": {"type": "sgd", "momentum": 0.9}},
        "optimizer.momentum is not an option of type sgd; it belongs to type momentum",
    ),
    ({"optimizer": {"weight_decay": -1}}, "optimizer.weight_decay must be at least 0, not -1.0"),
    ({"data": {"min_frames": 500}}, "data.min_frames 500 is above data.max_frames 400"),
    ({"data": {"batch_size": 63, "segments_per_speaker": 2}}, "batch_size 63 must be a multiple of"),
    ({"embedding": {"dims": []}}, "embedding.dims is empty"),
    (
        {"features": {"type": "mel"}, "data": {"source": "audio", "dither": 1.0}},
        "data.dither 1: features of type mel have no dither; remove it",
    ),
    ({"schedule": {"type": "file"}}, "schedule.file is missing"),
    ({"schedule": {"type": "file", "file": "no"}}, "schedule.file no not found"),
    ({"schedule": {"type": "file", "rates": [0.1]}}, "has 1 rates for training.epochs 20"),
    ({"schedule": {"type": "exponential", "learning_rate": 1e-9}}, "final_learning_rate 5e-05 is above learning_rate"),
    ({"training": {"average_checkpoints": 9}}, "average_checkpoints 9 needs at least as many"),
    ({"training": {"average_checkpoints": 2, "ema": 0.9}}, "both average weights; choose one"),
    (
        {"loss": {"type": "sphereface2", "sample_classes": 0.1}},
        "loss.sample_classes is not an option of type sphereface2; it belongs to type softmax, a_softmax",
    ),
    ({"loss": {"sample_classes": 0}}, "loss.sample_classes must be above 0, not 0.0"),
    (
        {"loss": {"sample_classes": 0.1}, "auxiliary": [{"type": "mhe"}]},
        "auxiliary type mhe is about all classes: remove it, or loss.sample_classes 0.1",
    ),
    ({"auxiliary": {}}, "auxiliary must be a list"),
    ({"format": 99}, "reads configurations of format 1 only"),
    ('{"training": {"ema": NaN}}', "NaN is not a finite number"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_a_broken_configuration_is_refused_in_one_line(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(InputError) as error:
        load_config(path)
    assert message in str(error.value)
    assert str(error.value).startswith(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs", "write section.key=value"),
        ("trainig.epochs=3", 'trainig is not a known section; did you mean "training"?'),
        ("training.epoch=3", 'training.epoch is not a known key; did you mean "epochs"?'),
        ("network.type=resnett", 'network.type "resnett" is not known; did you mean "resnet"?'),
        ("note.x=1", "note is set as a whole"),
    ],
)
def test_a_broken_override_is_refused(tmp_path, override, message):
    with pytest.raises(InputError) as error:
        load_config(written(tmp_path, {}), [override])
    assert message in str(error.value)


def test_a_missing_file_is_named():
    with pytest.raises(InputError, match="nowhere.json: no such configuration"):
        load_config("nowhere.json")
