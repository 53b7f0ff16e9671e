"""Metrics of scores: error rates, detection costs, Cllr, and their confidence intervals."""

from nnet.metrics.costs import SETTINGS, Cost, OperatingPoint, act_dcf, bayes_threshold, min_dcf
from nnet.metrics.error_rates import ErrorRates, eer, eer_threshold, error_rates, kaldi_eer
from nnet.metrics.llr import ConvexHull, cllr, convex_hull, min_cllr

__all__ = [
    "SETTINGS",
    "ConvexHull",
    "Cost",
    "ErrorRates",
    "OperatingPoint",
    "act_dcf",
    "bayes_threshold",
    "cllr",
    "convex_hull",
    "eer",
    "eer_threshold",
    "error_rates",
    "kaldi_eer",
    "min_cllr",
    "min_dcf",
]
