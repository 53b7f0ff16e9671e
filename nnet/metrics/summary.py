"""All figures of one score file in one dict, which is also what metrics.json holds."""

import numpy as np

from nnet.metrics.costs import SETTINGS, act_dcf, min_dcf
from nnet.metrics.error_rates import SortedTrials, eer, kaldi_eer
from nnet.metrics.llr import cllr, min_cllr, rocch_eer

COSTS = tuple(SETTINGS.values())


def summarize(scores, target, costs=COSTS):
    """Every figure of scores (N,) with bool (N,) `target`.

    Returns:
        {"num_target", "num_nontarget", "eer", "rocch_eer", "kaldi_eer", "cllr", "min_cllr"} and, under "min_dcf" and
        "act_dcf", {name of the cost: value}. Rates are fractions, not percent.
    """
    trials = SortedTrials(scores, target)
    rates = trials.rates()
    return {
        "num_target": int(np.count_nonzero(target)),
        "num_nontarget": int(np.count_nonzero(~target)),
        "eer": eer(rates),
        "rocch_eer": rocch_eer(trials),
        "kaldi_eer": kaldi_eer(scores, target),
        "min_dcf": {cost.name: min_dcf(rates, cost) for cost in costs},
        "act_dcf": {cost.name: act_dcf(rates, cost) for cost in costs},
        "cllr": cllr(scores, target),
        "min_cllr": min_cllr(trials),
    }
