"""Log-likelihood ratios and rates of false acceptance that depend on the seconds of speech."""

import json

import numpy as np
import pytest

from nnet.backend.duration_calibration import (
    read_duration_calibration,
    train_duration_calibration,
    write_duration_calibration,
)
from nnet.backend.impostors import train_impostors
from nnet.errors import InputError

SCALE = np.array([8.0, -5.0])  # of the score, by 1 and log h; the offset of the ratio is -OFFSET times it
OFFSET = 0.4


def trials(count, seed):
    """Scores whose log-likelihood ratio is known, and the seconds of both sides: two Gaussians for each duration."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(1, 16, (2, count))
    scale = SCALE[0] + SCALE[1] * np.log(1 / x + 1 / y)
    target = rng.random(count) < 0.5
    llr = np.where(target, 1, -1) * 2 + 2 * rng.normal(size=count)  # N(±d/2, d), d = 4
    return OFFSET + llr / scale, x, y, target, llr


def impostors(pieces, speakers, seed):
    """Scores of pieces, each with each: a part of each piece, and noise."""
    rng = np.random.default_rng(seed)
    own, rest = rng.normal(size=pieces), rng.normal(size=(pieces, pieces))
    scores = 0.1 + 0.05 * (np.sqrt(0.2) * own[:, None] + np.sqrt(0.8) * rest)
    return scores, rng.uniform(1, 16, pieces), np.arange(pieces) % speakers


@pytest.fixture(scope="module")
def model():
    score, x, y, target, _ = trials(40000, 0)
    return train_duration_calibration((score, x, y), target, impostors(400, 200, 1), 0.5)


def test_the_ratio_is_that_of_the_scores(model):
    score, x, y, _, llr = trials(1000, 1)
    np.testing.assert_allclose(model.log_ratio(score, x, y), llr, atol=0.4)


def test_beyond_the_training_the_nearest_seconds_count(model):
    low, high = model.seconds
    assert model.log_ratio(0.5, 1000, 0.01) == model.log_ratio(0.5, high, low)
    assert model.false_accept(0.2, 1000, 0.01, 5) == model.false_accept(0.2, high, low, 5)


@pytest.mark.parametrize("voices", [1, 20, 200])
def test_the_rate_of_false_acceptance_is_that_of_the_largest_score(model, voices):
    """Also where scores of a recording are not independent, which a rate of each score alone would overestimate."""
    rng = np.random.default_rng(2)
    own = rng.normal(size=4000)
    largest = [np.max(np.sqrt(0.2) * u + np.sqrt(0.8) * rng.normal(size=voices)) for u in own]
    chances = model.false_accept(0.1 + 0.05 * np.array(largest), 5.0, 5.0, voices)
    for rate in (0.01, 0.05, 0.5):
        assert np.mean(chances <= rate) == pytest.approx(rate, rel=0.35)
    assert np.all(np.diff(model.false_accept(np.linspace(-1, 2, 50), 5.0, 5.0, voices)) <= 1e-12)


def test_the_rate_holds_though_long_speech_has_more_high_scores(model):
    """By the variance alone, which low scores take part in, the rates were 0.74 and 1.49 %."""
    rng = np.random.default_rng(3)

    def scores(x, y):
        z = rng.normal(size=np.broadcast_shapes(x.shape, y.shape))
        return np.where(z > 0, z * (1 / x + 1 / y) ** -0.15, z)

    seconds = 2.0 ** rng.uniform(0, 4, 800)
    fitted = train_impostors(scores(seconds[:, None], seconds), seconds, np.arange(800))
    for duration in (1.0, 16.0):
        sides = np.full(200_000, duration)
        assert np.mean(fitted.false_accept(scores(sides, sides), sides, sides, 1) <= 0.01) == pytest.approx(
            0.01, rel=0.2
        )


def test_file(model, tmp_path):
    write_duration_calibration(tmp_path / "c.json", model, "abc", {"speakers": 3})
    again = read_duration_calibration(tmp_path / "c.json", "abc")
    assert again.log_ratio(0.3, 2, 5) == model.log_ratio(0.3, 2, 5) and again.seconds == model.seconds
    assert again.false_accept(0.3, 2, 5, 7) == model.false_accept(0.3, 2, 5, 7)
    with pytest.raises(InputError, match="made for another model .abc, not xyz."):
        read_duration_calibration(tmp_path / "c.json", "xyz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 3}, "of version 3; this version of the toolkit reads 2"),
        ({"seconds": [2.0, 1.0]}, "damaged: seconds"),
        ({"seconds": ["1", 2.0]}, "damaged: seconds"),
        ({"weights": [1.0]}, "1 weights"),
        ({"impostors": {}}, "impostors: mean is missing"),
        ({"impostors.mean": [1.0]}, "impostors: damaged"),
        ({"impostors.levels": [1.0, None]}, r"impostors: levels.1. cannot be None"),
        ({"impostors.log_survival": [0.0, -1.0]}, "impostors: damaged"),
        ({"impostors.tail": 1.0}, "impostors: damaged"),
    ],
)
def test_a_damaged_file_is_refused(model, tmp_path, change, message):
    write_duration_calibration(tmp_path / "c.json", model, "abc", {})
    values = json.loads((tmp_path / "c.json").read_text())
    for key, value in change.items():
        *outer, inner = key.split(".")
        (values[outer[0]] if outer else values)[inner] = value
    (tmp_path / "c.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match=f"c.json.*{message}"):
        read_duration_calibration(tmp_path / "c.json", "abc")
