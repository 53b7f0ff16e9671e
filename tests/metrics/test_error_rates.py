import numpy as np
import pytest
from scipy.stats import norm

from nnet import metrics
from nnet.errors import InputError

NUM = 1_000_000  # one false alarm costs 0.001 at the prior 0.001


def gaussian_pair(distance):
    """Quantiles of N(distance / 2, distance) and N(-distance / 2, distance): log-likelihood ratios of themselves."""
    quantiles = norm.ppf((np.arange(NUM) + 0.5) / NUM) * np.sqrt(distance)
    scores = np.concatenate([quantiles + distance / 2, quantiles - distance / 2])
    return scores, np.arange(2 * NUM) < NUM


def expected_cost(point, distance):
    """Normalised cost at the Bayes threshold, which is the best one for these scores."""
    threshold, deviation = metrics.bayes_threshold(point), np.sqrt(distance)
    return point.cost(norm.cdf((threshold - distance / 2) / deviation), norm.sf((threshold + distance / 2) / deviation))


@pytest.mark.parametrize("distance", [4.0, 9.0, 16.0])
def test_gaussian_pairs_have_closed_forms(distance):
    rates = metrics.error_rates(*gaussian_pair(distance))
    equal = norm.cdf(-np.sqrt(distance) / 2)
    for found in (metrics.eer(rates), metrics.eer(metrics.convex_hull(rates)), metrics.kaldi_eer(rates)):
        assert found == pytest.approx(equal, rel=1e-3)
    assert metrics.eer_threshold(rates) == pytest.approx(0.0, abs=1e-3)
    for cost in metrics.SETTINGS.values():
        expected = np.mean([expected_cost(point, distance) for point in cost.points])
        assert metrics.act_dcf(rates, cost) == pytest.approx(expected, rel=1e-3, abs=1e-3)
        assert metrics.min_dcf(rates, cost) == pytest.approx(expected, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("distance", [1.0, 9.0])
def test_cllr_of_gaussian_pairs(distance):
    rates = metrics.error_rates(*gaussian_pair(distance))
    x = np.linspace(-60, 80, 400_001)
    density = norm.pdf(x, distance / 2, np.sqrt(distance))
    expected = np.trapezoid(density * np.logaddexp(0, -x), x) / np.log(2)
    assert metrics.cllr(rates) == pytest.approx(expected, rel=1e-3)
    assert metrics.min_cllr(metrics.convex_hull(rates)) == pytest.approx(expected, rel=1e-3)


def test_calibration_does_not_change_the_minima_only_the_actual_figures():
    scores, target = gaussian_pair(9.0)
    right, wrong = metrics.error_rates(scores, target), metrics.error_rates(2 * scores + 3, target)
    minima = [metrics.min_cllr(metrics.convex_hull(rates)) for rates in (right, wrong)]
    assert minima[1] == pytest.approx(minima[0], abs=1e-12)
    assert metrics.cllr(wrong) > metrics.cllr(right) + 0.1
    cost = metrics.SETTINGS["DCF18-VAST"]
    assert metrics.min_dcf(wrong, cost) == metrics.min_dcf(right, cost)
    assert metrics.act_dcf(wrong, cost) > metrics.act_dcf(right, cost)


def loop_rates(scores, target, threshold):
    misses = sum(1 for s, t in zip(scores, target, strict=True) if t and s < threshold)
    alarms = sum(1 for s, t in zip(scores, target, strict=True) if not t and s >= threshold)
    return misses / sum(target), alarms / sum(~target)


def test_rates_with_ties_equal_a_loop():
    rng = np.random.default_rng(0)
    scores, target = rng.integers(0, 8, 60) / 4.0, rng.random(60) < 0.3
    rates = metrics.error_rates(scores, target)
    for threshold in (-1.0, 0.6, 5.0, *np.unique(scores)):
        assert rates.at(threshold) == pytest.approx(loop_rates(scores, target, threshold))
    corners = {loop_rates(scores, target, t) for s in np.unique(scores[target]) for t in (s, np.nextafter(s, 9))}
    found = np.stack([rates.miss, rates.false_alarm], axis=1)
    np.testing.assert_allclose(np.unique(found, axis=0), np.unique([*corners, (0, 1), (1, 0)], axis=0))
    assert (np.diff(rates.miss) >= 0).all() and (np.diff(rates.false_alarm) <= 0).all()


def test_minima_over_the_corners_are_minima_over_all_thresholds():
    rng = np.random.default_rng(3)
    target = rng.random(300) < 0.2
    scores = rng.normal(size=300).round(1) + target
    rates = metrics.error_rates(scores, target)
    every = [loop_rates(scores, target, threshold) for threshold in (*np.unique(scores), np.inf)]
    for cost in metrics.SETTINGS.values():
        expected = np.mean([min(point.cost(*pair) for pair in every) for point in cost.points])
        assert metrics.min_dcf(rates, cost) == pytest.approx(expected)


def test_weights_equal_repetition():
    rng = np.random.default_rng(1)
    scores, target = rng.normal(size=50).round(1), rng.random(50) < 0.4
    counts = rng.integers(0, 4, 50)
    order = np.argsort(scores, kind="stable")
    sides = [counts[order][side[order]] for side in (target, ~target)]
    weighted = metrics.error_rates(scores, target).weighted(*sides)
    repeated = metrics.error_rates(np.repeat(scores, counts), np.repeat(target, counts))
    for threshold in repeated.targets:
        assert weighted.at(threshold) == pytest.approx(repeated.at(threshold))
    assert metrics.eer(weighted) == pytest.approx(metrics.eer(repeated))
    assert metrics.cllr(weighted) == pytest.approx(metrics.cllr(repeated))
    hulls = metrics.convex_hull(weighted), metrics.convex_hull(repeated)
    assert metrics.min_cllr(hulls[0]) == pytest.approx(metrics.min_cllr(hulls[1]))


def test_eer_where_rates_cross_between_thresholds():
    scores = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    target = np.array([False, True, False, True, True])
    rates = metrics.error_rates(scores, target)
    assert metrics.eer(rates) == pytest.approx(1 / 3)
    perfect = metrics.error_rates(np.array([0.0, 1.0]), np.array([False, True]))
    assert metrics.eer(perfect) == 0.0
    useless = metrics.error_rates(np.zeros(4), np.array([False, True, False, True]))
    assert metrics.eer(useless) == pytest.approx(0.5)


def test_perfect_and_useless_scores():
    target = np.arange(10) < 5
    perfect, useless = metrics.error_rates(target * 1.0, target), metrics.error_rates(np.zeros(10), target)
    hulls = metrics.convex_hull(perfect), metrics.convex_hull(useless)
    assert metrics.min_cllr(hulls[0]) == 0.0 and metrics.min_cllr(hulls[1]) == pytest.approx(1.0)
    assert metrics.eer(hulls[0]) == 0.0 and metrics.eer(hulls[1]) == pytest.approx(0.5)
    for cost in metrics.SETTINGS.values():
        assert metrics.min_dcf(perfect, cost) == 0.0
        assert metrics.min_dcf(useless, cost) == pytest.approx(1.0)
        assert metrics.act_dcf(useless, cost) == pytest.approx(1.0)


def test_hull_lies_below_the_steps():
    rng = np.random.default_rng(2)
    target = np.arange(2000) < 300
    rates = metrics.error_rates(rng.normal(size=2000) + 1.5 * target, target)
    hull = metrics.convex_hull(rates)
    lowest = np.interp(rates.false_alarm, hull.false_alarm[::-1], hull.miss[::-1])
    assert (lowest <= rates.miss + 1e-12).all()
    slopes = np.diff(hull.miss) / np.minimum(np.diff(hull.false_alarm), -1e-12)
    assert (np.diff(slopes) < 1e-9).all()
    assert metrics.eer(hull) <= metrics.eer(rates)
    for cost in metrics.SETTINGS.values():
        assert metrics.min_dcf(hull, cost) == pytest.approx(metrics.min_dcf(rates, cost))


@pytest.mark.parametrize(
    ("scores", "target", "message"),
    [
        ([1.0, 2.0], [True, True], "all 2 trials are targets"),
        ([1.0, 2.0], [False, False], "all 2 trials are nontargets"),
        ([1.0, np.nan], [False, True], "1 scores are not finite"),
        ([1.0, 2.0], [0, 1], r"target must be bool .*labels.astype\(bool\)"),
        ([1.0, 2.0], [True], "target must be bool"),
    ],
)
def test_bad_input(scores, target, message):
    with pytest.raises(InputError, match=message):
        metrics.error_rates(np.array(scores), np.array(target))
