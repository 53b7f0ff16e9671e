"""Misses and false alarms at every threshold, and the equal error rate in its variants."""

import functools

import numpy as np

from nnet.errors import InputError


class ErrorRates:
    """Sorted scores, and both error rates; a trial is accepted when its score is not below the threshold.

    Between two target scores the misses stay what they are, so the rates are only laid out at their corners: at each
    distinct target score and just above it. Every minimum of a cost and every crossing lies on these.

    Attributes:
        targets, nontargets: float64 (T,), (N,), ascending.
        target_weights, nontarget_weights: float (T,), (N,), how often each trial counts; None: once.
    """

    def __init__(self, targets, nontargets, target_weights=None, nontarget_weights=None):
        self.targets, self.nontargets = targets, nontargets
        self.target_weights, self.nontarget_weights = target_weights, nontarget_weights

    def weighted(self, target_weights, nontarget_weights):
        """The same scores with other weights."""
        other = ErrorRates(self.targets, self.nontargets, target_weights, nontarget_weights)
        other.corners = self.corners
        return other

    @functools.cached_property
    def corners(self):
        """(int (C,), int (C,)): how many targets and nontargets are rejected at each corner, from none to all."""
        scores, first = np.unique(self.targets, return_index=True)
        targets = np.stack([first, np.append(first[1:], len(self.targets))], axis=1).ravel()
        sides = [np.searchsorted(self.nontargets, scores, side) for side in ("left", "right")]
        nontargets = np.stack(sides, axis=1).ravel()
        return np.r_[0, targets, len(self.targets)], np.r_[0, nontargets, len(self.nontargets)]

    @functools.cached_property
    def miss(self):
        """float64 (C,): share of target trials that are rejected at each corner, from 0 to 1."""
        return self._target_share(self.corners[0])

    @functools.cached_property
    def false_alarm(self):
        """float64 (C,): share of nontarget trials that are accepted at each corner, from 1 to 0."""
        return 1.0 - self._nontarget_share(self.corners[1])

    def at(self, threshold):
        """(miss, false alarm) at any threshold."""
        miss = self._target_share(np.searchsorted(self.targets, threshold))
        return miss, 1.0 - self._nontarget_share(np.searchsorted(self.nontargets, threshold))

    @functools.cached_property
    def _target_share(self):
        return _share(self.target_weights, len(self.targets))

    @functools.cached_property
    def _nontarget_share(self):
        return _share(self.nontarget_weights, len(self.nontargets))


def error_rates(scores, target):
    """ErrorRates of scores (N,) whose trials are targets where bool (N,) `target` says so.

    Raises:
        InputError: a score that is not finite, or no target, or no nontarget.
    """
    scores = np.asarray(scores, np.float64)
    finite = np.isfinite(scores)
    if not finite.all():
        raise InputError(f"{np.count_nonzero(~finite)} scores are not finite")
    if np.all(target) or not np.any(target):
        raise InputError(
            f"all {len(target)} trials are {'targets' if np.all(target) else 'nontargets'}; both are needed"
        )
    return ErrorRates(np.sort(scores[target]), np.sort(scores[~target]))


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


def eer_threshold(rates):
    """The target score from which on a trial is accepted where both error rates of ErrorRates are about the same."""
    rejected = rates.corners[0][int(np.argmax(rates.miss >= rates.false_alarm))]
    return float(rates.targets[min(rejected, len(rates.targets) - 1)])


def kaldi_eer(rates):
    """The equal error rate of ErrorRates as compute-eer counts it: a multiple of one target trial."""
    targets, nontargets = rates.targets, rates.nontargets
    passed = np.arange(len(targets))
    rank = len(nontargets) - 1 - (len(nontargets) * passed / len(targets)).astype(np.int64)
    accepted = nontargets[np.maximum(rank, 0)] < targets
    accepted[-1] = True
    return float(np.argmax(accepted) / len(targets))


def _share(weights, count):
    """A function: the share of the trials that the given number of them, the lowest scores first, make up."""
    if weights is None:
        return lambda rejected: rejected / count
    total = np.append(0.0, np.cumsum(weights))
    return lambda rejected: total[rejected] / total[-1]
