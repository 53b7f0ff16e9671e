"""All figures of one score file in one dict, which is also what metrics.json holds."""

import numpy as np

from nnet.metrics.bootstrap import intervals
from nnet.metrics.costs import SETTINGS, act_dcf, min_dcf
from nnet.metrics.error_rates import eer, kaldi_eer
from nnet.metrics.llr import cllr, convex_hull, min_cllr

COSTS = tuple(SETTINGS.values())


def summarize(trials, costs=COSTS):
    """Every figure of SortedTrials, with the Costs that are wanted.

    Returns:
        {"num_target", "num_nontarget", "eer", "rocch_eer", "kaldi_eer", "cllr", "min_cllr"} and, under "min_dcf" and
        "act_dcf", {name of the cost: value}. Rates are fractions, not percent.
    """
    rates, hull = trials.rates(), convex_hull(trials)
    return {
        "num_target": int(np.count_nonzero(trials.target)),
        "num_nontarget": int(np.count_nonzero(~trials.target)),
        "eer": eer(rates),
        "rocch_eer": eer(hull),
        "kaldi_eer": kaldi_eer(trials),
        "min_dcf": {cost.name: min_dcf(hull, cost) for cost in costs},
        "act_dcf": {cost.name: act_dcf(rates, cost) for cost in costs},
        "cllr": cllr(trials.scores, trials.target),
        "min_cllr": min_cllr(hull),
    }


def summary_intervals(scores, target, enroll, test, costs=COSTS, **options):
    """Confidence intervals of what `summarize` gives, in the same layout: {"eer": (low, high), "min_dcf": {...}, ...}.

    Args:
        scores, target: float (N,), bool (N,).
        enroll, test: int (N,), speakers of each trial: see `nnet.metrics.bootstrap.speakers_of_trials`.
        costs: tuple of Cost.
        options: of `nnet.metrics.bootstrap.intervals`.
    """
    figures = {
        ("eer",): lambda trials, rates, weights: eer(rates),
        ("cllr",): lambda trials, rates, weights: cllr(trials.scores, trials.target, weights),
    }
    for cost in costs:
        figures["min_dcf", cost.name] = lambda trials, rates, weights, cost=cost: min_dcf(rates, cost)
        figures["act_dcf", cost.name] = lambda trials, rates, weights, cost=cost: act_dcf(rates, cost)
    found = intervals(scores, target, enroll, test, figures, **options)
    nested = {"min_dcf": {}, "act_dcf": {}}
    for key, bounds in found.items():
        if bounds and key[0] == "min_dcf":
            bounds = bounds[0], min(bounds[1], 1.0)  # deciding without looking costs 1
        (nested[key[0]] if len(key) > 1 else nested)[key[-1]] = bounds
    return nested
