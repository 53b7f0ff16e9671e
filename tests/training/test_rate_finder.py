"""The learning-rate range test."""

import pytest
from toy_data import make_config, make_data

from nnet.bin.find_learning_rate import main
from nnet.errors import InputError
from nnet.training.rate_finder import Point, find_rate, suggest_rate


class Recorder:
    """In place of a Trainer of two groups of batches an epoch: records the rate of each update."""

    def __init__(self):
        self.updates, self.state = [], {"sums": {"loss": 3.0, "chunks": 2}}

    def groups(self, epoch):
        yield from ((0, ["first", "second"]), (2, ["third"]))

    def update(self, *update):
        self.updates.append((self.schedule.rate(0.5), *update))

    train_mode = reset_sums = lambda self: None


def test_the_rate_grows_every_period_of_updates():
    trainer = Recorder()
    points = list(find_rate(trainer, 0.1, 2.0, period=3, count=2))
    assert [(p.rate, p.loss) for p in points] == [(0.1, 1.5), (0.2, 1.5)]
    whole, rest = (0, ["first", "second"]), (2, ["third"])
    rates, epochs, groups = [0.1] * 3 + [0.2] * 3, [0, 0, 1, 1, 2, 2], [whole, rest] * 3
    assert trainer.updates == [(r, e, *group) for r, e, group in zip(rates, epochs, groups, strict=True)]


def test_the_suggestion_is_where_the_loss_falls_fastest():
    points = [Point(10.0**-k, loss) for k, loss in zip(range(6, 0, -1), [5.0, 5.0, 4.9, 2.0, 1.9, 9.0], strict=True)]
    assert suggest_rate(points) in (1e-4, 1e-3)


def test_the_command_writes_table_and_plot(tmp_path, capsys):
    data = make_data(tmp_path / "train", utterances=6)
    config = make_config(tmp_path / "c.json")
    options = ["--first", "0.001", "--factor", "3", "--tune-period", "7", "--count", "12"]
    main([*options, str(config), str(data), str(tmp_path / "out")])
    lines = (tmp_path / "out" / "learning_rate_tuning").read_text().splitlines()
    assert 3 <= len(lines) <= 12
    assert [float(line.split()[0]) for line in lines[:3]] == [0.001, 0.003, 0.009]
    assert (tmp_path / "out" / "learning_rate_tuning.png").stat().st_size > 1000
    assert "falls fastest at a learning rate of" in capsys.readouterr().out


def test_the_features_are_those_of_the_training_data(tmp_path):
    data, valid = make_data(tmp_path / "train", utterances=6), make_data(tmp_path / "valid")
    (valid / "feats.scp").write_text("")  # only data.source audio asks the validation data
    config = make_config(tmp_path / "c.json")
    main(["--valid", str(valid), "--tune-period", "1", "--count", "3", str(config), str(data), str(tmp_path / "out")])
    assert len((tmp_path / "out" / "learning_rate_tuning").read_text().splitlines()) == 3


def test_what_a_training_refuses_is_refused(tmp_path):
    data = make_data(tmp_path / "train", utterances=6)
    config = make_config(tmp_path / "c.json", data={"min_frames": 3, "max_frames": 30})
    with pytest.raises(InputError, match="data.min_frames and valid_frames must be at least"):
        main([str(config), str(data), str(tmp_path / "out")])
    with pytest.raises(SystemExit):
        main(["--tune-period", "0", str(config), str(data), str(tmp_path / "out")])
