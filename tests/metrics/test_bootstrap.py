import numpy as np
import pytest
from scipy.stats import norm

from nnet import metrics
from nnet.kaldi.trials import read_trials
from nnet.metrics.bootstrap import differences, intervals, speakers_of_trials
from nnet.metrics.summary import summarize, summary_intervals

SEPARATION, TARGET_VARIANCE, NONTARGET_VARIANCE = 4.0, 3.10, 2.61
COST = metrics.SETTINGS["DCF18-VAST"]
FIGURES = {
    "eer": metrics.eer,
    "min": lambda rates: metrics.min_dcf(rates, COST),
}


def simulate(num_speakers, utterances, rng):
    """Every speaker's model against every utterance; speakers, utterances and pairs of speakers have effects."""
    speakers = np.repeat(np.arange(num_speakers), utterances)
    model, tested = 0.8 * rng.normal(size=num_speakers), 0.6 * rng.normal(size=num_speakers)
    pair, own = 0.5 * rng.normal(size=(num_speakers, num_speakers)), 0.7 * rng.normal(size=num_speakers)
    utterance = 0.6 * rng.normal(size=len(speakers))
    target = np.arange(num_speakers)[:, None] == speakers
    scores = model[:, None] + tested[speakers] + pair[:, speakers] + utterance + rng.normal(size=target.shape)
    scores = scores + target * (SEPARATION + own)[:, None]
    enroll = np.repeat(np.arange(num_speakers), len(speakers))
    return scores.ravel(), target.ravel(), enroll, np.tile(speakers, num_speakers)


def truth():
    """Over all speakers there are, scores are N(4, 3.10) and N(0, 2.61)."""
    x = np.linspace(-10, 20, 300_001)
    miss = norm.cdf((x - SEPARATION) / np.sqrt(TARGET_VARIANCE))
    false_alarm = norm.sf(x / np.sqrt(NONTARGET_VARIANCE))
    return {
        "eer": miss[np.argmin(np.abs(miss - false_alarm))],
        "min": COST.points[0].cost(miss, false_alarm).min(),
    }


def test_intervals_hold_the_truth():
    rng, true = np.random.default_rng(0), truth()
    held = dict.fromkeys(FIGURES, 0)
    for seed in range(100):
        found = intervals(*simulate(30, 4, rng), FIGURES, repetitions=100, seed=seed)
        for name, (low, high) in found.items():
            held[name] += low <= true[name] <= high
    assert min(held.values()) >= 93, held


def test_intervals_shrink_with_the_number_of_speakers():
    rng = np.random.default_rng(1)
    few, many = (intervals(*simulate(n, 3, rng), FIGURES, repetitions=100)["eer"] for n in (20, 120))
    assert np.log(few[1] / few[0]) > 1.7 * np.log(many[1] / many[0])


def test_paired_intervals_hold_a_difference_of_zero_and_are_narrower_than_unpaired_ones():
    rng = np.random.default_rng(3)
    held, narrow = dict.fromkeys(FIGURES, 0), []
    for seed in range(60):
        scores, target, enroll, test = simulate(30, 4, rng)
        noise = 0.5 * rng.normal(size=(2, len(scores)))  # two systems that are equally good
        found = differences(*(scores + noise), target, enroll, test, FIGURES, repetitions=100, seed=seed)
        for name, (gap, low, high) in found.items():
            assert low <= gap <= high and gap == pytest.approx((low + high) / 2)
            held[name] += low <= 0 <= high
        alone = intervals(scores + noise[0], target, enroll, test, {"eer": metrics.eer}, repetitions=100, seed=seed)
        narrow.append((found["eer"][2] - found["eer"][1]) / (alone["eer"][1] - alone["eer"][0]))
    assert min(held.values()) >= 54, held
    assert np.median(narrow) < 0.7


def test_a_difference_is_the_new_system_minus_the_old_one():
    scores, target, enroll, test = simulate(30, 4, np.random.default_rng(4))
    better, pairs = scores + 3 * target, (target, enroll, test, FIGURES)
    found = differences(better, scores, *pairs, repetitions=100)
    figures = [metrics.eer(metrics.error_rates(s, target)) for s in (better, scores)]
    assert found["eer"][0] == pytest.approx(figures[0] - figures[1])
    assert found["eer"][2] < 0, "the interval excludes 0"
    again = differences(scores, better, *pairs, repetitions=100)
    assert again["eer"] == pytest.approx([-found["eer"][i] for i in (0, 2, 1)])
    assert differences(scores, scores.copy(), *pairs, repetitions=10)["min"] == (0, 0, 0)


def test_no_errors_no_interval_and_the_same_seed_the_same_interval():
    scores, target, enroll, test = simulate(10, 3, np.random.default_rng(2))
    perfect = intervals(target * 1.0, target, enroll, test, FIGURES, repetitions=10)
    assert perfect["eer"] is None
    first, second = (intervals(scores, target, enroll, test, FIGURES, repetitions=10, seed=3) for _ in range(2))
    assert first == second


def test_thinning_keeps_all_targets(monkeypatch):
    data = simulate(30, 4, np.random.default_rng(4))
    full = intervals(*data, FIGURES, repetitions=200)["eer"]
    monkeypatch.setattr("nnet.metrics.bootstrap.MOST_NONTARGETS", 1500)
    np.testing.assert_allclose(intervals(*data, FIGURES, repetitions=200)["eer"], full, rtol=0.25)


def test_a_difference_is_that_of_all_trials_where_the_draws_are_thinned(monkeypatch):
    scores, *trials = simulate(30, 4, np.random.default_rng(4))
    other = scores + np.random.default_rng(5).normal(size=len(scores))
    monkeypatch.setattr("nnet.metrics.bootstrap.MOST_NONTARGETS", 500)
    found = differences(other, scores, *trials, FIGURES, repetitions=10)
    for name, figure in FIGURES.items():
        one, two = (figure(metrics.error_rates(x, trials[0])) for x in (other, scores))
        assert found[name][0] == pytest.approx(one - two, abs=1e-12)


def test_summary_intervals_have_the_layout_of_the_summary():
    scores, target, enroll, test = simulate(20, 3, np.random.default_rng(5))
    summary, bounds = (
        summarize(metrics.error_rates(scores, target)),
        summary_intervals(scores, target, enroll, test, repetitions=20),
    )
    assert bounds["eer"][0] < summary["eer"] < bounds["eer"][1]
    assert bounds["cllr"][0] < summary["cllr"] < bounds["cllr"][1]
    assert set(bounds["min_dcf"]) == set(summary["min_dcf"]) == set(bounds["act_dcf"])


@pytest.fixture
def trials(tmp_path):
    lines = ["u1 u2 target", "u2 u3 target", "u4 u5 target", "u1 u5 nontarget", "u6 u4 nontarget"]
    (tmp_path / "trials").write_text("\n".join(lines) + "\n")
    return read_trials(tmp_path / "trials")


def test_speakers_from_target_trials(trials):
    enroll, test = speakers_of_trials(trials)
    assert enroll[0] == test[0] == enroll[1] == test[1] == enroll[3]
    assert enroll[2] == test[2] == test[3] == test[4]
    assert len({enroll[0], enroll[2], enroll[4]}) == 3


def test_speakers_from_a_map(trials):
    utt2spk = {"u2": "s1", "u3": "s1", "u5": "s2", "u4": "s2"}
    enroll, test = speakers_of_trials(trials, {**utt2spk, "u1": "s1"})
    assert enroll.tolist()[:2] == test.tolist()[:2] and enroll[2] == test[3]
