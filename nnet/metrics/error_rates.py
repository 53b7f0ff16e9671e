"""Misses and false alarms at every threshold, and the equal error rate in its variants."""

import dataclasses

import numpy as np

from nnet.errors import InputError


@dataclasses.dataclass(frozen=True)
class ErrorRates:
    """Both error rates at every threshold that makes a difference; a trial is accepted when its score >= threshold.

    Attributes:
        thresholds: float64 (M + 1,), the distinct scores in ascending order, then infinity.
        miss: float64 (M + 1,), share of target trials that are rejected: from 0 to 1.
        false_alarm: float64 (M + 1,), share of nontarget trials that are accepted: from 1 to 0.
    """

    thresholds: np.ndarray
    miss: np.ndarray
    false_alarm: np.ndarray

    def at(self, threshold):
        """(miss, false alarm) at any threshold."""
        index = np.searchsorted(self.thresholds, threshold)
        return self.miss[index], self.false_alarm[index]


class SortedTrials:
    """Trials in the order of their scores: sorted once, counted with as many sets of weights as wanted.

    Attributes:
        scores: float64 (N,), ascending.
        target: bool (N,).
        order: int (N,), where each sorted trial stood before.
    """

    def __init__(self, scores, target):
        """scores (N,) and target bool (N,); InputError where a class is missing or a score is not finite."""
        _check(scores, target)
        self.order = np.argsort(scores)
        self.scores = np.asarray(scores, np.float64)[self.order]
        self.target = np.asarray(target, bool)[self.order]
        differs = np.flatnonzero(np.diff(self.scores))
        self._starts = np.concatenate([[0], differs + 1])  # (M,), the first trial of each distinct score

    def rates(self, weights=None):
        """ErrorRates; `weights` (N,) in sorted order count a trial as so many."""
        target = self.target if weights is None else weights * self.target
        nontarget = ~self.target if weights is None else weights * ~self.target
        below_target, below_nontarget = self._below(target), self._below(nontarget)
        return ErrorRates(
            thresholds=np.append(self.scores[self._starts], np.inf),
            miss=below_target / below_target[-1],
            false_alarm=1.0 - below_nontarget / below_nontarget[-1],
        )

    def counts(self):
        """(targets, trials) at each distinct score, int (M,) each, in ascending order of the scores."""
        bounds = np.append(self._starts, len(self.scores))
        return np.diff(np.concatenate([[0], np.cumsum(self.target)])[bounds]), np.diff(bounds)

    def _below(self, weights):
        """(M + 1,): the sum of weights below each threshold."""
        total = np.cumsum(weights, dtype=np.float64)
        return np.concatenate([[0.0], total[self._starts[1:] - 1], total[-1:]])


def error_rates(scores, target):
    """ErrorRates of scores (N,) whose trials are targets where `target`, bool (N,), says so."""
    return SortedTrials(scores, target).rates()


def eer(rates):
    """The equal error rate: where misses and false alarms cross, interpolated between neighbouring thresholds.

    Args:
        rates: ErrorRates, or a ConvexHull: then it is the ROCCH-EER of BOSARIS, which is never above the other.
    """
    miss, false_alarm = rates.miss, rates.false_alarm
    after = int(np.argmax(miss >= false_alarm))
    before = max(after - 1, 0)
    gap_before, gap_after = false_alarm[before] - miss[before], miss[after] - false_alarm[after]
    if gap_before + gap_after <= 0:
        return float(miss[after])
    share = gap_before / (gap_before + gap_after)
    return float(miss[before] + share * (miss[after] - miss[before]))


def kaldi_eer(trials):
    """The equal error rate of SortedTrials as compute-eer counts it: a multiple of one target trial."""
    targets, nontargets = trials.scores[trials.target], trials.scores[~trials.target]
    passed = np.arange(len(targets))
    rank = len(nontargets) - 1 - (len(nontargets) * passed / len(targets)).astype(np.int64)
    accepted = nontargets[np.maximum(rank, 0)] < targets
    accepted[-1] = True
    return float(np.argmax(accepted) / len(targets))


def _check(scores, target):
    if not np.isfinite(scores).all():
        raise InputError(f"{np.count_nonzero(~np.isfinite(scores))} scores are not finite")
    if np.all(target) or not np.any(target):
        raise InputError(
            f"all {len(target)} trials are {'targets' if np.all(target) else 'nontargets'}; both are needed"
        )
