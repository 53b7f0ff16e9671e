"""How much information scores carry when they are taken as log-likelihood ratios, and the ROC convex hull."""

import dataclasses
import functools

import numpy as np
import scipy.optimize


@dataclasses.dataclass(frozen=True)
class ConvexHull:
    """The convex hull of a ROC: what any cost finds best, whatever monotonic transformation scores have gone through.

    Attributes:
        targets, nontargets: float (K,), trials in each block of equal likelihood ratio, the lowest scores first.
    """

    targets: np.ndarray
    nontargets: np.ndarray

    @functools.cached_property
    def miss(self):
        """float64 (K + 1,): share of target trials that are rejected at each corner, from 0 to 1."""
        return np.append(0.0, np.cumsum(self.targets) / self.targets.sum())

    @functools.cached_property
    def false_alarm(self):
        """float64 (K + 1,): share of nontarget trials that are accepted at each corner, from 1 to 0."""
        return 1.0 - np.append(0.0, np.cumsum(self.nontargets) / self.nontargets.sum())


def convex_hull(trials):
    """The ConvexHull of SortedTrials, by pooling adjacent violators over distinct scores."""
    targets, totals = trials.counts()
    starts = scipy.optimize.isotonic_regression(targets / totals, weights=totals).blocks[:-1]
    targets = np.add.reduceat(targets, starts)
    return ConvexHull(targets, np.add.reduceat(totals, starts) - targets)


def cllr(scores, target, weights=None):
    """The cost of log-likelihood ratios in bits (Brümmer and du Preez 2006, eq. 2): 0 is perfect, 1 says nothing.

    Args:
        scores, target: float (N,), bool (N,).
        weights: float (N,), how often each trial counts; None: once.
    """
    sides = []
    for side, sign in ((target, -1.0), (~target, 1.0)):
        bits = np.logaddexp(0.0, sign * scores[side]) / np.log(2)
        sides.append(np.average(bits, weights=None if weights is None else weights[side]))
    return float(sum(sides)) / 2


def min_cllr(hull):
    """Cllr after the best monotonic transformation of the scores, from their ConvexHull."""
    targets, nontargets = hull.targets / hull.targets.sum(), hull.nontargets / hull.nontargets.sum()
    with np.errstate(divide="ignore"):
        llr = np.log(targets) - np.log(nontargets)
    bits = targets * np.where(targets > 0, np.logaddexp(0, -llr), 0)
    bits += nontargets * np.where(nontargets > 0, np.logaddexp(0, llr), 0)
    return float(bits.sum()) / 2 / np.log(2)
