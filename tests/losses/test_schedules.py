"""Margins over epochs and annealing over steps."""

import shutil

import numpy as np
import pytest
from built import built

from nnet.errors import InputError
from nnet.losses import LOSSES
from nnet.losses.schedules import Annealing, MarginSchedule, MarginScheduleOptions
from nnet.ops import mx


def test_margin_is_full_from_the_start_without_a_schedule():
    schedule = MarginSchedule(MarginScheduleOptions(0.3, 0.0, 0.0, 0.0, "exp"))
    assert schedule.at(0.0) == 0.3


def test_linear_growth():
    schedule = MarginSchedule(MarginScheduleOptions(0.2, 0.1, 19, 39, "linear"))
    assert [schedule.at(e) for e in (0, 18.9, 39, 100)] == [0.1, 0.1, 0.2, 0.2]
    np.testing.assert_allclose([schedule.at(e) for e in (19, 24, 29)], [0.1, 0.125, 0.15])


def test_exponential_growth_leaves_a_thousandth_at_the_end():
    schedule = MarginSchedule(MarginScheduleOptions(0.2, 0.0, 19, 39, "exp"))
    np.testing.assert_allclose(
        [schedule.at(e) for e in (19, 29, 38.9999)], [0, 0.2 * (1 - 1e-3**0.5), 0.1998], rtol=1e-4
    )


def test_growth_that_ends_before_it_starts_is_refused():
    with pytest.raises(InputError, match="margin_start_epoch 5 is above loss.margin_end_epoch 3"):
        built(LOSSES["additive_margin"], 4, 5, margin_start_epoch=5, margin_end_epoch=3)


def test_annealing_of_tf_kaldi():
    """The values for base 1000, gamma 1e-4, power 5, as its JSON files have them."""
    annealing = Annealing(1000, 10, 1e-4, 5)
    np.testing.assert_allclose([annealing.at(s) for s in (0, 10_000)], [1000, 1000 / 32])
    assert annealing.at(1_000_000) == 10


@pytest.mark.parametrize("name", ["additive_margin", "additive_angular_margin", "sphereface2"])
def test_the_loss_follows_its_schedule(batch, name):
    mx.random.seed(0)
    loss = built(LOSSES[name], 8, 5, margin=0.4, margin_start_epoch=2, margin_end_epoch=4, margin_growth="linear")
    x, labels = (mx.array(a) for a in batch())
    values = []
    for epoch in (0, 2, 3, 4, 9):
        loss.set_progress(100, epoch)
        values.append(loss(x, labels).loss.item())
    assert values[0] == values[1] < values[2] < values[3] == values[4]


def test_progress_needs_no_place_in_a_checkpoint():
    loss = built(LOSSES["additive_margin"], 8, 5, margin_start_epoch=2, margin_end_epoch=4, lambda_base=10.0)
    assert list(loss.parameters()) == ["weight"]


def test_top_k_margin_grows_with_the_margin():
    loss = built(LOSSES["additive_margin"], 8, 5, margin=0.2, margin_end_epoch=2, margin_growth="linear", top_k=2)
    loss.set_progress(0, 1.0)
    np.testing.assert_allclose(loss._top_k_margin.item(), 0.03, rtol=1e-6)


@pytest.mark.skipif(shutil.which("g++") is None, reason="mx.compile needs a compiler on a CPU")
def test_a_compiled_step_sees_the_margin_change(batch):
    loss = built(LOSSES["additive_margin"], 8, 5, margin=0.4, margin_end_epoch=2)
    x, labels = (mx.array(a) for a in batch())
    compiled = mx.compile(lambda x: loss(x, labels).loss, inputs=[loss.state], outputs=[loss.state])
    values = []
    for epoch in (0, 2):
        loss.set_progress(0, epoch)
        values.append((compiled(x).item(), loss(x, labels).loss.item()))
    np.testing.assert_allclose(*zip(*values, strict=True), rtol=1e-5)
    assert values[0][0] < values[1][0]
