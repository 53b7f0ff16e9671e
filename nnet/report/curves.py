"""Curves for the plots, reduced to a few hundred points per system so that they fit in JSON."""

import numpy as np
from scipy.special import expit, ndtri

from nnet.metrics import OperatingPoint

STEP = 0.01  # resolution of a DET plot in normal deviates
NUM_BINS = 80
OUTERMOST = 0.5, 99.5  # percentiles; scores beyond are not drawn, so that outliers do not compress the rest
LOG_ODDS = np.linspace(-8, 8, 81)


def det_curve(rates):
    """Returns the DET curve of ErrorRates at plot resolution: {"miss": [...], "false_alarm": [...]}."""
    inside = (rates.miss > 0) & (rates.false_alarm > 0) & (rates.miss < 1) & (rates.false_alarm < 1)
    miss, false_alarm = rates.miss[inside], rates.false_alarm[inside]
    cells = np.stack([ndtri(miss) // STEP, ndtri(false_alarm) // STEP])
    moved = np.ones(len(miss), bool)
    moved[1:-1] = np.any(np.diff(cells, axis=1) != 0, axis=0)[:-1]
    return {"miss": miss[moved].tolist(), "false_alarm": false_alarm[moved].tolist()}


def histograms(rates):
    """Returns score densities of ErrorRates: {"edges": [...], "target": [...], "nontarget": [...]}."""
    sides = {"target": rates.targets, "nontarget": rates.nontargets}
    ends = np.percentile(sides["target"], OUTERMOST), np.percentile(sides["nontarget"], OUTERMOST)
    low, high = np.min(ends), np.max(ends)
    edges = np.linspace(low, high if high > low else low + 1, NUM_BINS + 1)
    densities = {name: np.histogram(side, edges, density=True)[0] for name, side in sides.items()}
    return {"edges": edges.tolist(), **{name: density.tolist() for name, density in densities.items()}}


def bayes_errors(rates, hull):
    """Computes the normalized Bayes error rate over the prior: {"log_odds": [...], "actual": [...], "minimal": [...]}.

    Costs are 1. Brümmer and de Villiers, "The BOSARIS toolkit user guide", 2011: normalized Bayes error-rate plot.
    """
    actual, minimal = [], []
    for log_odds in LOG_ODDS:
        point = OperatingPoint(1.0, 1.0, float(expit(log_odds)))
        actual.append(float(point.cost(*rates.at(-log_odds))))
        minimal.append(float(point.cost(hull.miss, hull.false_alarm).min()))
    return {"log_odds": LOG_ODDS.tolist(), "actual": actual, "minimal": minimal}
