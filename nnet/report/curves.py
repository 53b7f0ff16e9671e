"""What the plots draw, reduced to a few hundred points a system, so that it can be kept and written as JSON."""

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from nnet.metrics import OperatingPoint

STEP = 0.01  # of a normal deviate: finer is not seen in a DET plot
NUM_BINS = 80
OUTERMOST = 0.5, 99.5  # percent: scores beyond are not drawn, so that one outlier does not flatten the rest
LOG_ODDS = np.linspace(-8, 8, 81)


def det_curve(rates):
    """{"miss": [...], "false_alarm": [...]}: ErrorRates without the points that no eye could tell apart."""
    inside = (rates.miss > 0) & (rates.false_alarm > 0) & (rates.miss < 1) & (rates.false_alarm < 1)
    miss, false_alarm = rates.miss[inside], rates.false_alarm[inside]
    cells = np.stack([norm.ppf(miss) // STEP, norm.ppf(false_alarm) // STEP])
    moved = np.ones(len(miss), bool)
    moved[1:-1] = np.any(np.diff(cells, axis=1) != 0, axis=0)[:-1]
    return {"miss": miss[moved].tolist(), "false_alarm": false_alarm[moved].tolist()}


def histograms(rates):
    """{"edges": [...], "target": [...], "nontarget": [...]}: densities of the scores of ErrorRates."""
    sides = {"target": rates.targets, "nontarget": rates.nontargets}
    ends = np.percentile(sides["target"], OUTERMOST), np.percentile(sides["nontarget"], OUTERMOST)
    low, high = np.min(ends), np.max(ends)
    edges = np.linspace(low, high if high > low else low + 1, NUM_BINS + 1)
    densities = {name: np.histogram(side, edges, density=True)[0] for name, side in sides.items()}
    return {"edges": edges.tolist(), **{name: density.tolist() for name, density in densities.items()}}


def bayes_errors(rates, hull):
    """{"log_odds": [...], "actual": [...], "minimal": [...]}: normalised cost with unit costs at each prior of targets.

    Brümmer and de Villiers, "The BOSARIS toolkit user guide", 2011: the normalised Bayes error-rate plot.
    """
    actual, minimal = [], []
    for log_odds in LOG_ODDS:
        point = OperatingPoint(1.0, 1.0, float(expit(log_odds)))
        actual.append(float(point.cost(*rates.at(-log_odds))))
        minimal.append(float(point.cost(hull.miss, hull.false_alarm).min()))
    return {"log_odds": LOG_ODDS.tolist(), "actual": actual, "minimal": minimal}
