"""How much information scores carry when they are taken as log-likelihood ratios, and the ROC convex hull."""

import numpy as np
import scipy.optimize

from nnet.metrics.error_rates import crossing


def cllr(scores, target, weights=None):
    """The cost of log-likelihood ratios in bits (Brümmer and du Preez 2006, eq. 2): 0 is perfect, 1 says nothing.

    Args:
        scores, target: float (N,), bool (N,).
        weights: float (N,), how often each trial counts; None: once.
    """
    bits = np.logaddexp(0.0, np.where(target, -scores, scores)) / np.log(2)
    weights = np.ones(len(bits)) if weights is None else weights
    sides = (np.average(bits[side], weights=weights[side]) for side in (target, ~target))
    return float(sum(sides)) / 2


def min_cllr(trials):
    """Cllr after the best monotonic transformation of the scores of SortedTrials."""
    targets, nontargets = _blocks(trials)
    with np.errstate(divide="ignore"):
        llr = np.log(targets / targets.sum()) - np.log(nontargets / nontargets.sum())
    target_bits = targets * np.where(targets > 0, np.logaddexp(0, -llr), 0)
    nontarget_bits = nontargets * np.where(nontargets > 0, np.logaddexp(0, llr), 0)
    return float(target_bits.sum() / targets.sum() + nontarget_bits.sum() / nontargets.sum()) / 2 / np.log(2)


def rocch(trials):
    """The convex hull of the ROC of SortedTrials: (miss, false_alarm), (K,) each, from (0, 1) to (1, 0)."""
    targets, nontargets = _blocks(trials)
    miss = np.concatenate([[0.0], np.cumsum(targets)]) / targets.sum()
    false_alarm = 1.0 - np.concatenate([[0.0], np.cumsum(nontargets)]) / nontargets.sum()
    return miss, false_alarm


def rocch_eer(trials):
    """The equal error rate on the convex hull, never above `eer` (BOSARIS calls it ROCCH-EER)."""
    return crossing(*rocch(trials))


def _blocks(trials):
    """Targets and nontargets in the blocks of equal likelihood ratio: pool adjacent violators over distinct scores."""
    targets, totals = trials.counts()
    fit = scipy.optimize.isotonic_regression(targets / totals, weights=totals)
    starts = fit.blocks[:-1]
    targets = np.add.reduceat(targets, starts)
    return targets, np.add.reduceat(totals, starts) - targets
