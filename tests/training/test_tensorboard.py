"""TensorBoard's event files: read back from their records."""

import json
import struct
import sys

import pytest
from toy_data import make_config, make_data

from nnet.bin.train_nnet import main
from nnet.errors import InputError
from nnet.training.trainer import Trainer


@pytest.fixture
def train(tmp_path):
    make_data(tmp_path / "train")
    make_data(tmp_path / "valid", utterances=1, seed=1)
    config = make_config(tmp_path / "c.json", data={"steps_per_epoch": 2})

    def train(*overrides):
        names = [str(tmp_path / name) for name in ("c.json", "train", "valid", "model")]
        main(["--resume", "true", "--set", " ".join(overrides), *names])
        return tmp_path / "model"

    assert config.is_file()
    return train


def scalars(folder):
    """[(step, name, value)] of all event files; a record is its length, a checksum, the event, a checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
            data = data[16 + length :]
    return found


@pytest.mark.parametrize("last_words", ["_write_log", "_average_checkpoints"])
def test_an_epoch_is_there_once_after_a_resume(train, monkeypatch, last_words):
    pytest.importorskip("tensorboardX")
    options = "training.epochs=3", "training.average_checkpoints=1", "training.tensorboard=true"
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Trainer, last_words, interrupt)
        train(*options)
    model = train(*options)
    log = [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]
    found = scalars(model / "tensorboard")
    assert [step for step, name, _ in found if name == "valid_loss"] == [1, 2, 3]
    for name in ("train_loss", "valid_loss", "valid_accuracy", "dev_eer", "learning_rate"):
        expected = [(line["epoch"], pytest.approx(line[name], rel=1e-6)) for line in log if line[name] is not None]
        assert [(step, value) for step, tag, value in found if tag == name] == expected


def interrupt(*_):
    raise KeyboardInterrupt


def test_none_are_written_unless_asked_for(train):
    assert not (train("training.epochs=1") / "tensorboard").exists()


def test_a_missing_package_is_named_before_training(train, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(InputError, match="training.tensorboard needs the package tensorboardX: pip install"):
        train("training.epochs=1", "training.tensorboard=true")
    assert not (tmp_path / "model/log.jsonl").exists()
