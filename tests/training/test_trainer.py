"""Training end to end on toy features: learning, an exact resume, frozen weights, honest failures."""

import contextlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from killed import assert_same_weights, killed_at_checkpoint
from toy_data import SEED, make_config, make_data

from nnet import files, locks
from nnet.bin.train_nnet import main
from nnet.errors import InputError
from nnet.model.directory import list_checkpoints, load_speaker_net
from nnet.ops import mx
from nnet.optim.optimizers import Optimizer


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_data(folder / "train", utterances=6)
    make_data(folder / "valid", utterances=2, seed=1)
    make_data(folder / "dev", utterances=3, seed=2, first_speaker=50)
    return folder


def train(data, config, directory, *options):
    main([*options, str(config), str(data / "train"), str(data / "valid"), str(directory)])
    return mx.load(str(directory / "model.safetensors"))


def log_of(directory):
    return [json.loads(line) for line in (directory / "log.jsonl").read_text().splitlines()]


def test_training_learns_and_logs_every_epoch(data, tmp_path):
    config = make_config(tmp_path / "c.json", training={"epochs": 6})
    for seed in (SEED, SEED + 1):
        options = ("--dev", str(data / "dev"), "--set", f"training.seed={seed}")
        train(data, config, tmp_path / str(seed), *options)
        log = log_of(tmp_path / str(seed))
        assert [line["epoch"] for line in log] == [1, 2, 3, 4, 5, 6]
        # Chance gives log 6, 1 in 6 and 50 %; the task is easy.
        assert log[-1]["train_loss"] < np.log(6) / 3
        assert log[-1]["valid_accuracy"] > 3 / 6
        assert log[-1]["dev_eer"] < 35
    keys = {"train_accuracy", "valid_loss", "learning_rate", "frames_per_second", "waiting_share", "seconds"}
    assert keys <= log[0].keys()


def test_the_rate_in_the_log_is_that_of_the_last_update(data, tmp_path, monkeypatch):
    rates, update = [], Optimizer.update

    def recorded(optimizer, model, grads, rate):
        rates.append(rate)
        update(optimizer, model, grads, rate)

    monkeypatch.setattr(Optimizer, "update", recorded)
    config = make_config(tmp_path / "c.json", training={"epochs": 2, "accumulate": 4}, data={"steps_per_epoch": 10})
    train(data, config, tmp_path / "exp")
    assert len(rates) == 6 and rates[0] > rates[2] > rates[5]
    assert [line["learning_rate"] for line in log_of(tmp_path / "exp")] == [rates[2], rates[5]]


def test_the_same_seed_gives_the_same_model_whatever_the_workers(data, tmp_path):
    config = make_config(tmp_path / "c.json")
    first = train(data, config, tmp_path / "a")
    second = train(data, config, tmp_path / "b", "--set", "data.num_workers=2")
    assert_same_weights(first, second)
    other = train(data, config, tmp_path / "c", "--set", f"training.seed={SEED + 1}")
    assert any(not np.array_equal(np.array(first[n]), np.array(other[n])) for n in first)


@pytest.mark.parametrize("extra", [{}, {"ema": 0.9}, {"average_checkpoints": 2}, {"accumulate": 2}])
def test_a_resumed_training_equals_an_undisturbed_one(data, tmp_path, monkeypatch, extra):
    settings = {"epochs": 4, "save_every": 2, **extra}
    types = {"loss": {"type": "softmax"}, "optimizer": {"type": "adam"}, "schedule": {"type": "validation"}}
    config = make_config(tmp_path / "c.json", training=settings, **types)
    expected = train(data, config, tmp_path / "a")
    with killed_at_checkpoint(5):
        train(data, config, tmp_path / "b", "--resume", "true")
    assert_same_weights(train(data, config, tmp_path / "b", "--resume", "true"), expected)
    timing = ("seconds", "frames_per_second", "waiting_share")
    same = [[{k: v for k, v in line.items() if k not in timing} for line in log_of(tmp_path / d)] for d in "ab"]
    assert same[0] == same[1]
    first, second = (sorted(Path(list_checkpoints(str(tmp_path / d))[-1]).glob("*.safetensors")) for d in "ab")
    assert [(path.name, path.read_bytes()) for path in first] == [(path.name, path.read_bytes()) for path in second]


def test_what_a_resume_reads_is_on_the_disk_with_the_checkpoint(data, tmp_path, monkeypatch):
    """A power loss left a checkpoint with an empty spk2int, so that the training could not be resumed."""
    synced = set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
    with killed_at_checkpoint(2):
        train(data, make_config(tmp_path / "c.json"), tmp_path / "exp")
    (checkpoint,) = map(Path, list_checkpoints(str(tmp_path / "exp")))
    read = [tmp_path / "exp/config.json", tmp_path / "exp/spk2int", *checkpoint.iterdir()]
    paths = {*read, *(path.parent for path in read), checkpoint.parent}
    assert {path.name for path in paths if path.stat().st_ino not in synced} == set()


def test_a_resumed_training_removes_what_a_power_loss_brought_back(data, tmp_path):
    """The removal of an old checkpoint is not synchronized, and no later one of a finished training repeated it."""
    config = make_config(tmp_path / "c.json", training={"epochs": 1})
    train(data, config, tmp_path / "exp")
    (kept,) = list_checkpoints(str(tmp_path / "exp"))
    shutil.copytree(kept, Path(kept).parent / "epoch-0000-step-00000002")
    train(data, config, tmp_path / "exp", "--resume", "true")
    assert list_checkpoints(str(tmp_path / "exp")) == [kept]


def as_version_01(checkpoint, slots):
    """Rewrites the optimizer's state as version 0.1 wrote it: mean:NAME for NAME.m, and the steps in state.json."""
    path = str(checkpoint / "optimizer.safetensors")
    arrays = mx.load(path)
    state = json.loads((checkpoint / "state.json").read_text())
    (checkpoint / "state.json").write_text(json.dumps(state | {"optimizer_steps": arrays["step"].item()}))
    parts = [(*name.rpartition(".")[::2], array) for name, array in arrays.items()]
    mx.save_safetensors(path, {f"{slots[slot]}:{name}": array for name, slot, array in parts if slot in slots})


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [
        ("sgd", {}),
        ("momentum", {"v": "velocity"}),
        ("adam", {"m": "mean", "v": "square"}),
        ("adamw", {"m": "mean", "v": "square"}),
    ],
)
def test_a_training_of_version_01_is_resumed(data, tmp_path, optimizer, slots):
    config = make_config(tmp_path / "c.json", training={"epochs": 2}, optimizer={"type": optimizer})
    train(data, config, tmp_path / "exp")
    checkpoints = tmp_path / "exp" / "checkpoints"
    expected = mx.load(str(checkpoints / "epoch-0002" / "weights.safetensors"))
    mx.eval(expected)
    shutil.rmtree(checkpoints / "epoch-0002")
    as_version_01(checkpoints / "epoch-0001", slots)
    train(data, config, tmp_path / "exp", "--resume", "true")
    assert_same_weights(mx.load(str(checkpoints / "epoch-0002" / "weights.safetensors")), expected)


def test_a_training_is_resumed_though_new_keys_have_come(data, tmp_path):
    config = make_config(tmp_path / "c.json")
    weights = train(data, config, tmp_path / "exp")
    path = tmp_path / "exp" / "config.json"
    values = json.loads(path.read_text())
    del values["training"]["precision"]
    path.write_text(json.dumps(values))
    assert_same_weights(train(data, config, tmp_path / "exp", "--resume", "true"), weights)


def test_a_model_without_checkpoints_is_not_overwritten(data, tmp_path):
    config = make_config(tmp_path / "c.json", training={"epochs": 1})
    train(data, config, tmp_path / "exp")
    shutil.rmtree(tmp_path / "exp" / "checkpoints")
    for options in ((), ("--resume", "true"), ("--init", str(tmp_path / "exp"))):
        with pytest.raises(InputError, match="holds a model, but no checkpoint to continue from"):
            train(data, config, tmp_path / "exp", *options)
    (tmp_path / "exp" / "log.jsonl").unlink()  # as if it was killed before its first checkpoint
    train(data, config, tmp_path / "exp", "--resume", "true")


def test_a_loss_on_pairs_is_validated_on_pairs(data, tmp_path, caplog):
    sections = {"loss": {"type": "ge2e"}, "training": {"epochs": 2}}
    config = make_config(tmp_path / "c.json", **sections, data={"segments_per_speaker": 2})
    train(data, config, tmp_path / "exp")
    log = [json.loads(line) for line in (tmp_path / "exp/log.jsonl").read_text().splitlines()]
    assert all(line["valid_loss"] > 0 for line in log) and "last epoch is taken" not in caplog.text
    make_data(tmp_path / "one", utterances=1, seed=1)
    main([str(config), str(data / "train"), str(tmp_path / "one"), str(tmp_path / "alone")])
    log = [json.loads(line) for line in (tmp_path / "alone/log.jsonl").read_text().splitlines()]
    assert [line["valid_loss"] for line in log] == [None, None]
    assert "give no valid_loss, so the last epoch is taken as the best; a loss on pairs needs" in caplog.text


def test_only_the_last_checkpoints_are_kept(data, tmp_path):
    config = make_config(tmp_path / "c.json", training={"epochs": 5, "keep_checkpoints": 2})
    train(data, config, tmp_path / "exp")
    assert [os.path.basename(f) for f in list_checkpoints(tmp_path / "exp")] == ["epoch-0004", "epoch-0005"]
    load_speaker_net(tmp_path / "exp", "4")
    with pytest.raises(InputError, match="no checkpoint latest: give best, last or a number of epochs"):
        load_speaker_net(tmp_path / "exp", "latest")
    with pytest.raises(InputError, match="no checkpoint 2: .*; kept: epoch-0004, epoch-0005"):
        load_speaker_net(tmp_path / "exp", "2")


def test_fine_tuning_freezes_the_trunk_and_renews_the_classifier(data, tmp_path):
    config = make_config(tmp_path / "c.json")
    old = train(data, config, tmp_path / "old")
    make_data(tmp_path / "d" / "train", speakers=9, seed=5, first_speaker=20)
    make_data(tmp_path / "d" / "valid", speakers=9, utterances=1, seed=6, first_speaker=20)
    tuned = make_config(tmp_path / "t.json", training={"epochs": 2, "freeze": ["network.*"]})
    new = train(tmp_path / "d", tuned, tmp_path / "new", "--init", str(tmp_path / "old"))
    assert new["loss.weight"].shape[0] == 9
    for name in old:
        if name.startswith("network."):
            assert np.array_equal(np.array(new[name]), np.array(old[name])), name
    name = "embedding.layers.0.affine.weight"
    assert not np.array_equal(np.array(new[name]), np.array(old[name]))


def test_fine_tuning_names_a_weight_that_does_not_fit(data, tmp_path):
    config = make_config(tmp_path / "c.json", training={"epochs": 1})
    train(data, config, tmp_path / "old")
    other = make_config(tmp_path / "o.json", embedding={"dims": [10, 12]}, training={"epochs": 1})
    with pytest.raises(InputError, match=r"embedding.layers.0.affine.\w+ has shape .* add it to training.drop"):
        train(data, other, tmp_path / "new", "--init", str(tmp_path / "old"))


def test_a_training_is_not_overwritten_and_not_resumed_as_another(data, tmp_path):
    config = make_config(tmp_path / "c.json", training={"epochs": 1})
    train(data, config, tmp_path / "exp")
    with pytest.raises(InputError, match="already holds a training; continue it with --resume true"):
        train(data, config, tmp_path / "exp")
    with pytest.raises(InputError, match="cannot resume with different loss.type"):
        train(data, config, tmp_path / "exp", "--resume", "true", "--set", "loss.type=additive_margin")
    others = tmp_path / "data"
    shutil.copytree(data, others)
    for path in others.glob("*/feats_conf.json"):
        path.write_text(path.read_text().replace('"none"', '"sliding"'))
    with pytest.raises(InputError, match="train: cannot resume .*exp with features that differ in cmvn"):
        train(others, config, tmp_path / "exp", "--resume", "true")


def test_a_checkpoint_on_a_full_disk_is_one_line(data, tmp_path, monkeypatch):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")

    def full(path, binary):
        return _open("/dev/full" if "/checkpoints/" in path else path, binary)

    _open = files._open
    monkeypatch.setattr(files, "_open", full)
    config = make_config(tmp_path / "c.json", training={"epochs": 1})
    with pytest.raises(InputError, match="weights.safetensors: cannot be written: No space left"):
        train(data, config, tmp_path / "exp")
    assert os.listdir(tmp_path / "exp" / "checkpoints") == []


@pytest.mark.parametrize(
    "change", [{"sums": {}}, {"best": {"epoch": 1}}, {"schedule": []}, {"schedule": {}}, {"step": 0.5}]
)
def test_a_damaged_state_is_one_line(data, tmp_path, trained_once, change):
    config, exp = trained_once
    shutil.copytree(exp, tmp_path / "exp")
    path = next((tmp_path / "exp").glob("checkpoints/*/state.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match="state.json: .*remove this folder"):
        train(data, config, tmp_path / "exp", "--resume", "true")


@pytest.fixture(scope="module")
def trained_once(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("once")
    config = make_config(folder / "c.json", training={"epochs": 1}, schedule={"type": "validation"})
    train(data, config, folder / "exp")
    return config, folder / "exp"


def test_two_trainings_do_not_share_a_directory(data, tmp_path, trained_once):
    with locked_by_another(trained_once[1]), pytest.raises(InputError, match="exp: is being written by process 4711"):
        train(data, trained_once[0], trained_once[1], "--resume", "true")


@contextlib.contextmanager
def locked_by_another(directory):
    """Holds the lock of a directory as another process would."""
    descriptor = os.open(directory / locks.FILE, os.O_RDWR | os.O_CREAT)
    locks.take(directory, descriptor, holder=(4711, "train_nnet"))
    yield
    os.close(descriptor)


def test_nan_stops_training_with_step_and_cause(data, tmp_path):
    config = make_config(tmp_path / "c.json", schedule={"type": "validation", "learning_rate": 1e30})
    with pytest.raises(InputError, match=r"not a number at epoch 1, step \d: the learning rate 1e\+30 is probably"):
        train(data, config, tmp_path / "exp")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("features.dim=30", "features have 8 dimensions, features.dim of the configuration is 30"),
        ("features.type=fbank", "features are mfcc, features.type of the configuration is fbank"),
        ("data.min_frames=3", "data.min_frames and valid_frames must be at least the network's 9 frames"),
        ("training.freeze=[\"networc.*\"]", "networc.* matches no weight"),
        ("training.freeze=[\"*\"]", "all weights are frozen"),
        ("training.dropout=0,0.1", "network tdnn has no dropout to schedule"),
        ("embedding.node=embeding1.affine", 'did you mean "embedding1.affine"'),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_in_one_line(data, tmp_path, override, message):
    config = make_config(tmp_path / "c.json")
    with pytest.raises(InputError) as error:
        train(data, config, tmp_path / "exp", "--set", override)
    assert message in str(error.value)
    assert not (tmp_path / "exp" / "model.safetensors").exists()


def test_auxiliary_losses_alone_have_no_validation_loss(data, tmp_path):
    sections = {"loss": {"type": "none"}, "auxiliary": [{"type": "ring"}], "schedule": {"type": "validation"}}
    train(data, make_config(tmp_path / "c.json", training={"epochs": 3}, **sections), tmp_path / "exp")
    lines = log_of(tmp_path / "exp")
    assert [line["valid_loss"] for line in lines] == [None] * 3 and lines[-1]["train_loss"] < lines[0]["train_loss"]
    last = mx.load(str(tmp_path / "exp/checkpoints/epoch-0003/weights.safetensors"))
    assert_same_weights(mx.load(str(tmp_path / "exp/model.safetensors")), last)
