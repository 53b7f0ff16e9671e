"""All metrics of one score file in a dict, the format of metrics.json."""

from nnet.metrics.bootstrap import intervals
from nnet.metrics.costs import SETTINGS, act_dcf, min_dcf
from nnet.metrics.error_rates import eer, kaldi_eer
from nnet.metrics.llr import cllr, convex_hull, min_cllr

COSTS = tuple(SETTINGS.values())


def summarize(rates, costs=COSTS):
    """Computes all metrics of ErrorRates, with the given Costs.

    Returns:
        {"num_target", "num_nontarget", "eer", "rocch_eer", "kaldi_eer", "cllr", "min_cllr"} and, under "min_dcf" and
        "act_dcf", {name of the cost: value}. Rates are fractions, not percent.
    """
    hull = convex_hull(rates)
    return {
        "num_target": len(rates.targets),
        "num_nontarget": len(rates.nontargets),
        "eer": eer(rates),
        "rocch_eer": eer(hull),
        "kaldi_eer": kaldi_eer(rates),
        "min_dcf": {cost.name: min_dcf(rates, cost) for cost in costs},
        "act_dcf": {cost.name: act_dcf(rates, cost) for cost in costs},
        "cllr": cllr(rates),
        "min_cllr": min_cllr(hull),
    }


def summary_intervals(scores, target, enroll, test, costs=COSTS, **options):
    """Computes confidence intervals of the metrics of `summarize`, in the same layout: {"eer": (low, high), ...}.

    Args:
        scores, target: float (N,), bool (N,).
        enroll, test: int (N,), speakers of each trial: see `nnet.metrics.bootstrap.speakers_of_trials`.
        costs: tuple of Cost.
        options: of `nnet.metrics.bootstrap.intervals`.
    """
    figures = {("eer",): eer, ("cllr",): cllr}
    for cost in costs:
        figures["min_dcf", cost.name] = lambda rates, cost=cost: min_dcf(rates, cost)
        figures["act_dcf", cost.name] = lambda rates, cost=cost: act_dcf(rates, cost)
    found = intervals(scores, target, enroll, test, figures, **options)
    nested = {"min_dcf": {}, "act_dcf": {}}
    for key, bounds in found.items():
        if bounds and key[0] in ("eer", "min_dcf"):
            bounds = bounds[0], min(bounds[1], 1.0)  # trivial decisions cost 1, and error rates are at most 1
        (nested[key[0]] if len(key) > 1 else nested)[key[-1]] = bounds
    return nested
