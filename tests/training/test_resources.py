"""nnet/training/resources.py and nnet/bin/estimate.py: what the stages of a recipe will take."""

import math

import pytest
from toy_data import make_config

from nnet.bin import estimate
from nnet.config import load_config
from nnet.errors import InputError
from nnet.training import step_cost
from nnet.training.resources import Features, Size, Training, estimate_stages, most_disk
from nnet.training.step_cost import StepCost, measure

TRAIN, TEST = Size(100, 10_000, 20.0), Size(10, 1000, 2.0)
COST = StepCost(1_000_000, 256, 200, 0.2, 0.1, 0.4, 32, 2e9, 1e5)  # 32 chunks in 0.2 s
NETWORK = Training(COST, 32, 1, 3, None, 10, 2, False)


def needs(copies, vad=False, reading=math.inf, training=NETWORK, **more):
    features = Features(80, vad, 16000.0, 100.0, reading, 50.0)
    return {n.stage: n for n in estimate_stages(TRAIN, TEST, copies, features, training, 8, 4, **more)}


def test_sizes_and_times_grow_with_what_they_depend_on():
    plain, augmented = needs(0), needs(20_000)
    assert sorted(plain) == [1, 3, 4, 5, 6]
    assert plain[1].kept == pytest.approx(22 * 360_000 * 80, rel=0.02)
    assert needs(0, vad=True)[1].kept - plain[1].kept == pytest.approx(4 * 22 * 360_000, rel=0.02)
    assert plain[1].hours == pytest.approx(22 / 100 / 4), "of eight jobs four run at a time"
    assert augmented[2].passing == pytest.approx(40 * 3600 * 32_000, rel=0.02)
    assert augmented[3].kept == pytest.approx(3 * plain[3].kept)
    assert augmented[4].hours == pytest.approx(3 * plain[4].hours)
    assert plain[4].hours == pytest.approx(10_000 / 32 * 10 * 0.2 / 3600)
    assert (plain[4].low, plain[4].high) == pytest.approx((plain[4].hours / 2, plain[4].hours * 2))
    assert plain[5].hours == pytest.approx(22 * 360_000 / 1e5 / 3600)
    assert needs(0, reading=50.0)[1].hours == pytest.approx(22 * (1 / 100 + 1 / 50) / 4)
    assert augmented[5] == plain[5]


def test_a_loader_that_computes_features_may_be_what_training_waits_for():
    chunks = 10 * 10_000 * 200 / 360_000  # hours of audio
    waiting = needs(0, reading=20.0, training=NETWORK._replace(fly=True))[4].hours
    assert waiting == pytest.approx(chunks * (1 / 100 + 1 / 20 + 1 / 50) / 2)
    alone = needs(0, reading=20.0, training=NETWORK._replace(fly=True, workers=0))[4].hours
    assert alone == pytest.approx(2 * waiting + needs(0)[4].hours), "without loader processes one waits for the other"
    assert needs(0, training=NETWORK._replace(fly=True, workers=1000))[4].hours == needs(0)[4].hours


def test_stages_that_not_every_recipe_has():
    tuned = NETWORK._replace(epochs=2)
    stages = needs(0, reading=50.0, fine_tuning=tuned, convert=True)
    assert sorted(stages) == [0, 1, 3, 4, 5, 6, 8]
    assert stages[0].hours == pytest.approx(20 / 50 / 4) and stages[0].kept > 20 * 3600 * 32_000


def test_a_step_is_measured_with_the_batch_of_the_configuration(tmp_path, monkeypatch):
    config = load_config(str(make_config(tmp_path / "c.json")), ["data.batch_size=24"])
    cost = measure(config, 8, 5, 100)
    assert cost.measured == 24 and cost.low <= cost.seconds <= cost.high and cost.frames == 35
    assert cost.memory > 5e7 and cost.extraction > 0
    monkeypatch.setattr(step_cost, "BUDGET", 0.0)
    assert measure(config, 8, 5, 100).measured == 2, "too long: the smallest batch is all that is measured"


def test_the_batch_grows_within_the_budget():
    assert step_cost._next_size([2], 0.01, 64) == 64, "far within it: at once"
    assert step_cost._next_size([2], 1.0, 64) == 4
    assert step_cost._next_size([2, 4, 8], 4.0, 64) == 16 and step_cost._next_size([2, 4, 8], 6.0, 64) == 0
    assert step_cost._next_size([8], 6.0, 10) == 10 and step_cost._next_size([8, 10], 6.0, 10) == 0


def test_what_is_fixed_is_not_multiplied():
    assert step_cost._at(64, [8, 16], [1.0, 1.5]) == pytest.approx(4.5)
    assert step_cost._at(16, [8, 16], [1.0, 1.5]) == 1.5 == step_cost._at(64, [16], [1.5])
    assert step_cost._at(64, [8, 16], [1.5, 1.5]) == 1.5


def test_the_most_that_lies_on_disk_at_a_time():
    stages = list(needs(20_000).values())
    kept = sum(n.kept for n in stages)
    assert most_disk(stages) == max(kept, stages[0].kept + stages[1].kept + stages[1].passing)


def test_the_estimate_of_an_imagined_corpus(tmp_path, capsys):
    config = make_config(tmp_path / "tiny.json")
    words = ["--test", "40:4874:11.2", "--feats-type", "mfcc", "--vad", "true", "--copies", "1000000", "--kinds", "4"]
    estimate.main(["--train", "5994:1092009:2360.2", *words, str(config)])
    lines = capsys.readouterr().out.splitlines()
    assert [line[0] for line in lines[1:7]] == list("123456")
    assert (
        lines[7].startswith("training: ") and "measured with its batch; reading the recordings: not known" in lines[7]
    )
    assert lines[8].startswith("disk: ")
    assert lines[9].endswith("enough")
    estimate.main(["--train", "2:10:0.1", *words, str(config)])
    assert float(capsys.readouterr().out.splitlines()[2].split()[2]) < 0.01, "no more copies than there can be"


def test_a_size_that_is_none(tmp_path):
    with pytest.raises(InputError, match="neither a data directory nor SPEAKERS"):
        estimate.size_of(str(tmp_path / "nowhere"))
