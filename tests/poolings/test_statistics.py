"""Poolings without parameters against numpy."""

import numpy as np
import pytest

from nnet.errors import InputError
from nnet.ops import mx


def test_average(build, frames, check):
    x, _ = frames()
    check(build("average"), x, x.mean(axis=1))


@pytest.mark.parametrize("name", ["deviation", "statistics"])
@pytest.mark.parametrize(
    ("options", "deviation"),
    [
        ({}, lambda x: np.sqrt(x.var(axis=1, ddof=1) + 1e-7)),
        ({"unbiased": False, "eps": 0.0, "floor": 1e-12}, lambda x: np.sqrt(np.maximum(x.var(axis=1), 1e-12))),
    ],
    ids=["wespeaker", "tf-kaldi"],
)
def test_deviation(build, frames, check, name, options, deviation):
    x, _ = frames()
    x[1, :, 3] = 0.7  # a constant channel: the floor decides
    wide = x.astype(np.float64)
    expected = deviation(wide)
    if name == "statistics":
        expected = np.concatenate([wide.mean(axis=1), expected], axis=-1)
    check(build(name, **options), x, expected)


def test_one_frame_has_deviation_of_eps(build, frames, check):
    x, _ = frames(time=1)
    check(build("deviation"), x, np.full((3, 12), np.sqrt(1e-7)))


def test_nothing_that_keeps_the_variance_from_0_is_refused(build):
    with pytest.raises(InputError, match="eps and pooling.floor are both 0"):
        build("deviation", eps=0.0)


def test_constant_frames_have_finite_gradients(build):
    pooling = build("statistics", unbiased=False, eps=0.0, floor=1e-12)
    grad = mx.grad(lambda x: mx.sum(pooling(x)))(mx.ones((2, 5, 12)))
    assert np.isfinite(np.array(grad)).all()
