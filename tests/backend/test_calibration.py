import json

import numpy as np
import pytest

from nnet import metrics
from nnet.backend.calibration import (
    Calibration,
    quality_columns,
    read_calibration,
    train_calibration,
    write_calibration,
)
from nnet.errors import InputError


@pytest.fixture
def trials():
    """Log-likelihood ratios of two Gaussians, N(8, 16) and N(-8, 16), and their labels."""
    rng = np.random.default_rng(0)
    target = np.arange(60000) % 10 == 0
    return np.where(target, 8.0, -8.0) + 4.0 * rng.normal(size=len(target)), target


@pytest.mark.parametrize("p_target", [0.01, 0.5])
def test_an_affine_distortion_is_undone(trials, p_target):
    llr, target = trials
    calibration = train_calibration((3.0 + 0.2 * llr)[:, None], target, p_target)
    assert calibration.weights[0] == pytest.approx(5.0, rel=0.1)
    assert calibration.offset == pytest.approx(-15.0, abs=1.5)
    rates = metrics.error_rates(calibration.apply((3.0 + 0.2 * llr)[:, None]), target)
    cost = metrics.SETTINGS["DCF(0.01)"]
    assert metrics.act_dcf(rates, cost) == pytest.approx(metrics.min_dcf(rates, cost), abs=0.02)


@pytest.mark.parametrize("prior", [1e-5, 0.01, 0.5])
def test_the_loss_is_at_its_minimum(trials, prior):
    """Its derivatives by the offset and by the weight are 0, so the expected posterior of a target is the prior."""
    llr, target = trials
    calibration = train_calibration(llr[:, None] / 8, target, prior)
    log_odds = calibration.apply(llr[:, None] / 8) + np.log(prior / (1 - prior))
    excess = 1 / (1 + np.exp(-log_odds)) - target
    for slope in (excess, excess * llr / 8):
        assert prior * slope[target].mean() + (1 - prior) * slope[~target].mean() == pytest.approx(0, abs=1e-3 * prior)


def test_fusion_is_better_than_its_parts(trials):
    llr, target = trials
    rng = np.random.default_rng(1)
    parts = llr[:, None] / 16 + rng.normal(size=(len(llr), 2))
    fused = train_calibration(parts, target, 0.1).apply(parts)
    eers = [metrics.eer(metrics.error_rates(scores, target)) for scores in (*parts.T, fused)]
    assert eers[2] < 0.9 * min(eers[:2])


def test_quality_measures_help_where_they_matter(trials):
    llr, target = trials
    rng = np.random.default_rng(2)
    enroll, test = rng.normal(size=(2, len(llr), 1))
    shifted = (llr + 4 * np.minimum(enroll, test)[:, 0])[:, None]
    columns = np.concatenate([shifted, quality_columns(enroll, test)], axis=1)
    calibration = train_calibration(columns, target, 0.1)
    np.testing.assert_allclose(calibration.weights, [1.0, -4.0, 0.0], atol=0.15)


def test_separable_scores_give_finite_weights():
    scores, target = np.array([[-2.0], [-1.0], [1.0], [2.0]]), np.array([False, False, True, True])
    calibration = train_calibration(scores, target, 0.5)
    assert np.isfinite(calibration.weights).all() and calibration.weights[0] > 1


def test_file(tmp_path, trials):
    calibration = train_calibration(trials[0][:, None], trials[1], 0.2)
    write_calibration(tmp_path / "model.json", calibration, {"systems": ["a"]})
    again, description = read_calibration(tmp_path / "model.json")
    np.testing.assert_array_equal(again.apply(trials[0][:, None]), calibration.apply(trials[0][:, None]))
    assert description["systems"] == ["a"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offset": None}, "offset"),
        ({"weights": 1}, "weights"),
        ({"weights": ["1"]}, r"weights\[0\]"),
        ({"p_target": 7}, "p_target"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, change, message):
    model = {"offset": 1.0, "weights": [2], "p_target": 0.5}
    (tmp_path / "model.json").write_text(json.dumps(model | change))
    with pytest.raises(InputError, match=f"model.json: {message}"):
        read_calibration(tmp_path / "model.json")


def test_bad_input():
    with pytest.raises(InputError, match="target and nontarget"):
        train_calibration(np.ones((3, 1)), np.ones(3, bool))
    with pytest.raises(InputError, match="column 2 has the same value"):
        train_calibration(np.array([[1.0, 2.0], [2.0, 2.0]]), np.array([True, False]))
    rounded = np.where(np.arange(200) % 2, 3.0, np.nextafter(3.0, 4.0))
    with pytest.raises(InputError, match="column 2 has the same value"):
        train_calibration(np.stack([np.arange(200.0), rounded], axis=1), np.arange(200) % 3 == 0)


def test_a_weight_that_no_training_gives_is_told_when_it_is_used():
    with pytest.raises(InputError, match="calibrated scores overflow"):
        Calibration(0.5, np.array([1e308]), 0.1).apply(np.array([[1.0], [9.0]]))
