"""Cllr, the information in scores as log-likelihood ratios, and the ROC convex hull."""

import dataclasses

import numpy as np

from nnet.metrics.error_rates import ErrorRates


@dataclasses.dataclass(frozen=True)
class ConvexHull:
    """Convex hull of a ROC curve: the optimal operating points, invariant to monotonic transformations of the scores.

    Attributes:
        miss, false_alarm: float64 (K,), rates at the corners; miss increases from 0 to 1, false_alarm falls to 0.
    """

    miss: np.ndarray
    false_alarm: np.ndarray


def convex_hull(rates: ErrorRates) -> ConvexHull:
    """Computes the ConvexHull of ErrorRates with the pool-adjacent-violators algorithm.

    sklearn.isotonic calls the same SciPy routine, but importing it takes 1.1 s; all metrics of 10 million trials take
    8.4 s.
    """
    from scipy.optimize import isotonic_regression  # loads slowly, and a training that measures EER imports this file

    targets, nontargets = np.diff(rates.miss), -np.diff(rates.false_alarm)
    totals = targets + nontargets
    kept = totals > 0
    fit = isotonic_regression(targets[kept] / totals[kept], weights=totals[kept])
    corners = np.append(np.flatnonzero(kept)[fit.blocks[:-1]], len(totals))
    return ConvexHull(rates.miss[corners], rates.false_alarm[corners])


def cllr(rates: ErrorRates) -> float:
    """Computes Cllr in bits (Brümmer and du Preez 2006, eq. 2): 0 is perfect, 1 is uninformative.

    Args:
        rates: ErrorRates of natural log-likelihood ratios.
    """
    targets = np.average(rates.surprise[0], weights=rates.target_weights)
    nontargets = np.average(rates.surprise[1], weights=rates.nontarget_weights)
    return float(targets + nontargets) / 2 / np.log(2)


def min_cllr(hull: ConvexHull) -> float:
    """Computes Cllr after the optimal monotonic transformation of the scores, from their ConvexHull."""
    targets, nontargets = np.diff(hull.miss), -np.diff(hull.false_alarm)
    with np.errstate(divide="ignore"):
        llr = np.log(targets) - np.log(nontargets)
    bits = targets * np.where(targets > 0, np.logaddexp(0, -llr), 0)
    bits += nontargets * np.where(nontargets > 0, np.logaddexp(0, llr), 0)
    return float(bits.sum()) / 2 / np.log(2)
