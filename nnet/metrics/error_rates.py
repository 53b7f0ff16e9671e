"""Miss and false-alarm rates at every threshold, and variants of the equal error rate."""

import functools
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from nnet.errors import InputError


class OperatingPoints(Protocol):
    """Miss rates from 0 to 1 and the false-alarm rates that go with them: ErrorRates or a ConvexHull."""

    @property
    def miss(self) -> np.ndarray: ...

    @property
    def false_alarm(self) -> np.ndarray: ...


class ErrorRates:
    """Sorted scores and their error rates; a trial is accepted if its score is at least the threshold.

    Between two target scores the miss rate is constant, so the rates are stored only at the corners: at each distinct
    target score and just above it. Every minimum of a cost and the crossing of the rates are at these corners.

    >>> rates = nnet.error_rates(np.array([3.0, 1.0, 2.0, 0.0]), np.array([True, True, False, False]))
    >>> rates.miss.tolist(), rates.false_alarm.tolist()
    ([0.0, 0.0, 0.5, 0.5, 1.0, 1.0], [1.0, 0.5, 0.5, 0.0, 0.0, 0.0])

    Attributes:
        targets, nontargets: float64 (T,), (N,), ascending.
        target_weights, nontarget_weights: float (T,), (N,), weights of the trials; None: 1.
    """

    def __init__(
        self,
        targets: np.ndarray,
        nontargets: np.ndarray,
        target_weights: np.ndarray | None = None,
        nontarget_weights: np.ndarray | None = None,
    ) -> None:
        self.targets, self.nontargets = targets, nontargets
        self.target_weights, self.nontarget_weights = target_weights, nontarget_weights
        self._unweighted: ErrorRates | None = None  # the same scores: what does not depend on weights is computed once

    def weighted(self, target_weights: np.ndarray, nontarget_weights: np.ndarray) -> "ErrorRates":
        """Returns the same scores with other weights."""
        other = ErrorRates(self.targets, self.nontargets, target_weights, nontarget_weights)
        other._unweighted = self._unweighted or self
        return other

    @functools.cached_property
    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """(int (C,), int (C,)): numbers of targets and nontargets rejected at each corner, from none to all."""
        if self._unweighted:
            return self._unweighted.corners
        scores, first = np.unique(self.targets, return_index=True)
        targets = np.stack([first, np.append(first[1:], len(self.targets))], axis=1).ravel()
        sides = [np.searchsorted(self.nontargets, scores, side) for side in ("left", "right")]
        nontargets = np.stack(sides, axis=1).ravel()
        return np.r_[0, targets, len(self.targets)], np.r_[0, nontargets, len(self.nontargets)]

    @functools.cached_property
    def surprise(self) -> tuple[np.ndarray, np.ndarray]:
        """(float64 (T,), (N,)): -log of the posterior of each trial's own kind, for equal priors and natural LLRs."""
        if self._unweighted:
            return self._unweighted.surprise
        return np.logaddexp(0.0, -self.targets), np.logaddexp(0.0, self.nontargets)

    @functools.cached_property
    def miss(self) -> np.ndarray:
        """float64 (C,): miss rate at each corner, from 0 to 1."""
        return self._target_share(self.corners[0])

    @functools.cached_property
    def false_alarm(self) -> np.ndarray:
        """float64 (C,): false-alarm rate at each corner, from 1 to 0."""
        return 1.0 - self._nontarget_share(self.corners[1])

    def at(self, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Returns (miss rate, false-alarm rate) at a threshold."""
        miss = self._target_share(np.searchsorted(self.targets, threshold))
        return miss, 1.0 - self._nontarget_share(np.searchsorted(self.nontargets, threshold))

    @functools.cached_property
    def _target_share(self) -> Callable[[Any], Any]:
        return _share(self.target_weights, len(self.targets))

    @functools.cached_property
    def _nontarget_share(self) -> Callable[[Any], Any]:
        return _share(self.nontarget_weights, len(self.nontargets))


def error_rates(scores: ArrayLike, target: np.ndarray) -> ErrorRates:
    """Builds ErrorRates from scores (N,); bool (N,) `target` marks the target trials.

    >>> rates = nnet.error_rates(np.array([3.0, 1.0, 2.0, 0.0]), np.array([True, True, False, False]))
    >>> nnet.eer(rates), nnet.min_dcf(rates)
    (0.5, 0.5)

    Raises:
        InputError: a score is not finite, there is no target or no nontarget trial, or `target` is not bool (N,).
    """
    scores, target = np.asarray(scores, np.float64), np.asarray(target)
    if target.dtype != bool or target.shape != scores.shape:
        raise InputError(
            f"target must be bool {scores.shape}, one for each score, not {target.dtype} {target.shape}; "
            "labels of 0 and 1 are labels.astype(bool)"
        )
    finite = np.isfinite(scores)
    if not finite.all():
        raise InputError(f"{np.count_nonzero(~finite)} scores are not finite")
    if np.all(target) or not np.any(target):
        raise InputError(
            f"all {len(target)} trials are {'targets' if np.all(target) else 'nontargets'}; both are needed"
        )
    return ErrorRates(np.sort(scores[target]), np.sort(scores[~target]))


def eer(rates: OperatingPoints) -> float:
    """Computes the equal error rate, interpolated between neighboring thresholds.

    >>> nnet.eer(nnet.error_rates(np.array([3.0, 1.0, 2.0, 0.0]), np.array([True, True, False, False])))
    0.5

    Args:
        rates: ErrorRates, or a ConvexHull, which gives the ROCCH-EER of BOSARIS (never higher than the EER).
    """
    miss, false_alarm = rates.miss, rates.false_alarm
    after = int(np.argmax(miss >= false_alarm))
    before = max(after - 1, 0)
    gap_before, gap_after = false_alarm[before] - miss[before], miss[after] - false_alarm[after]
    if gap_before + gap_after <= 0:
        return float(miss[after])
    share = gap_before / (gap_before + gap_after)
    return float(miss[before] + share * (miss[after] - miss[before]))


def eer_threshold(rates: ErrorRates) -> float:
    """Returns the threshold (a target score) at which both error rates are about equal."""
    rejected = rates.corners[0][int(np.argmax(rates.miss >= rates.false_alarm))]
    return float(rates.targets[min(rejected, len(rates.targets) - 1)])


def kaldi_eer(rates: ErrorRates) -> float:
    """Computes the equal error rate as Kaldi's compute-eer does, a multiple of 1 / (number of targets)."""
    targets, nontargets = rates.targets, rates.nontargets
    passed = np.arange(len(targets))
    rank = len(nontargets) - 1 - (len(nontargets) * passed / len(targets)).astype(np.int64)
    accepted = nontargets[np.maximum(rank, 0)] < targets
    accepted[-1] = True
    return float(np.argmax(accepted) / len(targets))


def _share(weights: np.ndarray | None, count: int) -> Callable[[Any], Any]:
    """Returns a function from a number of lowest-scoring trials to their (weighted) share of all trials."""
    if weights is None:
        return lambda rejected: rejected / count
    total = np.zeros(count + 1)
    np.cumsum(weights, out=total[1:])
    return lambda rejected: total[rejected] / total[-1]
