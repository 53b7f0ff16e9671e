"""Calibration and fusion: scores of one or more systems become log-likelihood ratios.

llr = offset + sum of weight * column, where the columns are the scores of the systems and, for each quality measure,
the smaller and the larger value of the two sides of a trial. The weights minimise the prior-weighted logistic loss
(Brümmer and du Preez, "Application-independent evaluation of speaker detection", 2006).
"""

import dataclasses
import json

import numpy as np
import scipy.optimize
import scipy.special

from nnet.errors import InputError
from nnet.files import atomic_write
from nnet.options import option

RIDGE = 1e-6  # on standardised columns: keeps the weights finite where targets and nontargets do not overlap


@dataclasses.dataclass(frozen=True)
class CostOptions:
    """The prior and the costs that the threshold on calibrated scores is for."""

    p_target: float | None = option(
        None, "Prior probability of a target trial; default: that of the training.", above=0, below=1
    )
    c_miss: float = option(1.0, "Cost of a miss, for the threshold.", above=0)
    c_fa: float = option(1.0, "Cost of a false alarm, for the threshold.", above=0)


@dataclasses.dataclass(frozen=True)
class CalibrationOptions(CostOptions):
    """The same, of which training weighs its loss by the prior."""

    p_target: float = option(0.01, "Prior probability of a target trial, which weighs the loss.", above=0, below=1)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A trained model.

    Attributes:
        offset: added to every score.
        weights: float64 (K,), one a column.
        p_target: the prior of targets that the loss was weighted by.
    """

    offset: float
    weights: np.ndarray
    p_target: float

    def apply(self, columns):
        """Log-likelihood ratios (N,) of columns (N, K)."""
        if columns.shape[1] != len(self.weights):
            raise InputError(f"the calibration takes {len(self.weights)} columns, not {columns.shape[1]}")
        return self.offset + columns @ self.weights


def train_calibration(columns, target, p_target=CalibrationOptions.p_target):
    """A Calibration from columns (N, K) of trials that are targets where bool (N,) `target` says so."""
    if np.all(target) or not np.any(target):
        raise InputError("calibration needs target and nontarget trials")
    mean, deviation = columns.mean(axis=0), columns.std(axis=0)
    if not (deviation > 0).all():
        raise InputError(f"column {int(np.argmin(deviation > 0)) + 1} has the same value in all trials")
    loss = _Loss((columns - mean) / deviation, target, p_target)
    start = np.zeros(columns.shape[1] + 1)
    found = scipy.optimize.minimize(loss.value, start, jac=loss.gradient, hess=loss.hessian, method="trust-exact")
    weights = found.x[1:] / deviation
    return Calibration(float(found.x[0] - weights @ mean), weights, p_target)


def quality_columns(enroll, test):
    """(N, 2 Q): the smaller and the larger of each measure, from (N, Q) of the enroll side and (N, Q) of the test side.

    What the two sides have in common does not depend on which one is called enrollment.
    """
    return np.concatenate([np.minimum(enroll, test), np.maximum(enroll, test)], axis=1)


class _Loss:
    """The prior-weighted logistic loss, with its derivatives; parameters are (offset, weights)."""

    def __init__(self, columns, target, p_target):
        self._x = np.concatenate([np.ones((len(columns), 1)), columns], axis=1)  # (N, K + 1)
        self._sign = np.where(target, 1.0, -1.0)
        counts = np.count_nonzero(target), np.count_nonzero(~target)
        self._weight = np.where(target, p_target / counts[0], (1 - p_target) / counts[1])
        self._log_odds = scipy.special.logit(p_target)
        self._ridge = np.append(0.0, np.full(columns.shape[1], RIDGE))

    def value(self, parameters):
        margin = self._sign * (self._x @ parameters + self._log_odds)
        return self._weight @ np.logaddexp(0.0, -margin) + 0.5 * self._ridge @ parameters**2

    def gradient(self, parameters):
        wrong = scipy.special.expit(-self._sign * (self._x @ parameters + self._log_odds))
        return -(self._weight * self._sign * wrong) @ self._x + self._ridge * parameters

    def hessian(self, parameters):
        right = scipy.special.expit(self._x @ parameters + self._log_odds)
        return (self._x.T * (self._weight * right * (1 - right))) @ self._x + np.diag(self._ridge)


def write_calibration(path, calibration, description):
    """Writes a model as JSON, together with what else is worth knowing about it."""
    model = {"offset": calibration.offset, "weights": list(calibration.weights), "p_target": calibration.p_target}
    with atomic_write(path) as file:
        json.dump({**model, **description}, file, indent=2)
        file.write("\n")


def read_calibration(path):
    """(Calibration, the whole JSON object) from a file that `write_calibration` made."""
    try:
        with open(path, encoding="utf-8") as file:
            model = json.load(file)
        weights = np.array(model["weights"], np.float64)
        return Calibration(float(model["offset"]), weights, float(model["p_target"])), model
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is no calibration model ({error})") from None
