"""How many processes make the batches, and what the log says if they are too few."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
from toy_data import make_config

from nnet.config import load_config
from nnet.config.sections import DataSection, TrainingSection
from nnet.datadir.directory import DataDir
from nnet.errors import InputError
from nnet.kaldi.ark import write_ark
from nnet.kaldi.tables import write_table
from nnet.training import data, log
from nnet.training.distributed import Group


@pytest.mark.parametrize(
    ("section", "cores", "processes", "expected"),
    [
        (DataSection(num_workers=5), 2, 1, 5),
        (DataSection(num_workers=0, source="audio"), 64, 1, 0),
        (DataSection(), 1, 1, 1),
        (DataSection(), 8, 1, 2),
        (DataSection(), 64, 1, 4),
        (DataSection(source="audio"), 2, 1, 1),
        (DataSection(source="audio"), 8, 1, 7),
        (DataSection(source="audio"), 64, 1, 16),
        (DataSection(source="audio"), 64, 8, 7),
    ],
)
def test_the_cores_choose_the_number_of_processes(monkeypatch, section, cores, processes, expected):
    monkeypatch.setattr(data, "cores", lambda: cores)
    assert data.num_workers(section, processes) == expected


@pytest.mark.parametrize(("waited", "told"), [(10.0, 0), (40.0, 1)])
def test_a_training_that_waits_for_its_data_says_so_once(monkeypatch, caplog, waited, told):
    now = iter([0.0, *[100.0] * 20])
    monkeypatch.setattr(log.time, "monotonic", lambda: next(now))
    loader = SimpleNamespace(steps_per_epoch=100, wait_seconds=0.0, num_workers=3)
    progress = log.EpochProgress(0, 0, loader, TrainingSection())
    loader.wait_seconds = waited
    with caplog.at_level(logging.WARNING):
        progress.warn_of_waiting()
        progress.warn_of_waiting()
    messages = [record.message for record in caplog.records]
    assert len(messages) == told
    assert all("waited for its data 40 % of the time: raise data.num_workers (now 3)" in m for m in messages)


def test_development_utterances_have_speakers(tmp_path):
    write_ark(tmp_path / "feats.ark", {"a-1": np.zeros((3, 2)), "b-1": np.zeros((3, 2))}, tmp_path / "feats.scp")
    write_table(tmp_path / "utt2spk", {"a-1": "a"})
    with pytest.raises(InputError, match="utt2spk: no speaker for b-1 of feats.scp"):
        data.read_development(DataDir(tmp_path))


def test_audio_needs_the_features_of_the_validation_data(tmp_path):
    config = load_config(make_config(tmp_path / "c.json", data={"source": "audio", "dither": 1.0}))
    with pytest.raises(InputError, match="the validation data must have a feats_conf.json"):
        data.training_loader(config, DataDir(tmp_path), {}, Group(), None)
