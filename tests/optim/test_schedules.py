"""Learning-rate schedules against their formulas."""

import math

import pytest
from built import built

from nnet.config import build_config
from nnet.errors import InputError
from nnet.optim.dropout import dropout_at
from nnet.optim.schedules import SCHEDULES


def schedule(epochs=10, *, type, **options):
    return built(SCHEDULES[type], epochs, **options)


def run(schedule, losses):
    """The rate of each epoch, and after how many epochs it stopped."""
    rates = []
    for epoch, loss in enumerate(losses, 1):
        rates.append(schedule.rate(epoch - 1))
        if schedule.end_epoch(epoch, loss):
            return rates, epoch
    return rates, None


def test_validation_halves_after_patience_and_again_after_the_bonus():
    s = schedule(type="validation", learning_rate=1.0, reduce_epochs=4, patience_after=2, stop_epochs=10)
    rates, stopped = run(s, [3, 2, 1] + [1.5] * 9)
    # Best at epoch 3; halved after 7, when the best counts as of 5; halved after 9, 11, ...
    assert rates == [1.0] * 7 + [0.5] * 2 + [0.25] * 2 + [0.125]
    assert stopped is None


def test_validation_stops_below_the_least_rate():
    s = schedule(type="validation", learning_rate=1.0, reduce_epochs=1, patience_after=1, min_learning_rate=0.2)
    assert run(s, [1.0] * 10)[1] == 4


def test_validation_stops_without_improvement():
    s = schedule(type="validation", reduce_epochs=100, stop_epochs=3)
    assert run(s, [1.0, 2.0, 2.0, 2.0, 2.0])[1] == 4


def test_a_file_gives_a_rate_an_epoch():
    s = schedule(epochs=3, type="file", rates=[0.3, 0.2, 0.1])
    assert [s.rate(e) for e in (0, 0.9, 1.0, 2.5)] == [0.3, 0.3, 0.2, 0.1]


def test_exponential_falls_under_a_linear_rise():
    s = schedule(type="exponential", learning_rate=1.0, final_learning_rate=0.01, warmup_epochs=2, warmup_from=0.5)
    assert s.rate(0) == pytest.approx(0.5)
    assert s.rate(1) == pytest.approx(0.75 * 0.01**0.1)
    assert s.rate(10) == pytest.approx(0.01)


def test_cosine_goes_from_peak_to_floor():
    s = schedule(type="cosine", learning_rate=1.0, final_learning_rate=0.1, warmup_epochs=2)
    assert [s.rate(e) for e in (0, 1, 2, 6, 10)] == pytest.approx([0, 0.5, 1, 0.55, 0.1])


def test_step_multiplies():
    s = schedule(type="step", learning_rate=1.0, step_epochs=2.5, gamma=0.1)
    assert [s.rate(e) for e in (0, 2.4, 2.5, 5)] == pytest.approx([1, 1, 0.1, 0.01])


def test_triangular_halves_its_peaks():
    s = schedule(type="triangular", learning_rate=1.0, base_learning_rate=0.2, cycle_epochs=4)
    assert [s.rate(e) for e in (0, 1, 2, 4, 6)] == pytest.approx([0.2, 0.6, 1.0, 0.2, 0.6])
    assert not math.isnan(s.rate(10))


def test_dropout_is_linear_between_its_corners():
    text = "0,0@0.20,0.1@0.50,0"
    assert [dropout_at(text, s) for s in (0, 0.2, 0.35, 0.5, 0.75, 1)] == pytest.approx([0, 0, 0.05, 0.1, 0.05, 0])
    assert dropout_at("0.1", 0.3) == pytest.approx(0.1)


@pytest.mark.parametrize("text", ["", "a", "0,0.1,0", "0,0.1@0.8,0.2@0.5,0", "0,1.0", "0,-0.1", "0@0.1,0"])
def test_a_broken_dropout_schedule_is_refused(text):
    with pytest.raises(InputError, match="training.dropout"):
        build_config({"training": {"dropout": text}}, "c.json")
