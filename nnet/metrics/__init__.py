"""How good scores are: error rates, detection costs, information, and how sure these numbers are."""

from nnet.metrics.costs import SETTINGS, Cost, OperatingPoint, act_dcf, bayes_threshold, min_dcf
from nnet.metrics.error_rates import ErrorRates, SortedTrials, eer, error_rates, kaldi_eer
from nnet.metrics.llr import cllr, min_cllr, rocch, rocch_eer

__all__ = [
    "SETTINGS",
    "Cost",
    "ErrorRates",
    "OperatingPoint",
    "SortedTrials",
    "act_dcf",
    "bayes_threshold",
    "cllr",
    "eer",
    "error_rates",
    "kaldi_eer",
    "min_cllr",
    "min_dcf",
    "rocch",
    "rocch_eer",
]
