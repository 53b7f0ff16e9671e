"""The learning-rate range test."""

from toy_data import make_config, make_data

from nnet.bin.find_learning_rate import main
from nnet.training.rate_finder import Point, RateSweep, suggest_rate


def test_the_rate_grows_every_period():
    sweep = RateSweep(0.1, 2.0, period=3, steps_per_epoch=5)
    assert [sweep.rate(step / 5) for step in (0, 2, 3, 5, 6)] == [0.1, 0.1, 0.2, 0.2, 0.4]


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
