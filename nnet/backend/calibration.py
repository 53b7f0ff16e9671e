"""Calibration and fusion: converts scores of one or more systems to log-likelihood ratios.

llr = offset + sum of weight * column, where the columns are the scores of the systems and, for each quality measure,
the smaller and the larger value of the two sides of a trial. The weights minimize the prior-weighted logistic loss
(Brümmer and du Preez, "Application-independent evaluation of speaker detection", 2006).
"""

import dataclasses

import numpy as np
import scipy

from nnet.backend.statistics import vary
from nnet.errors import InputError
from nnet.files import check_entries, read_json, write_json
from nnet.options import option

# Penalty of the weights of standardized columns, relative to the prior of the rarer kind of trial (at most 0.01), since
# the loss shrinks with it: keeps the weights finite if targets and nontargets are separable.
RIDGE = 1e-4


@dataclasses.dataclass(frozen=True)
class CostOptions:
    """Prior and costs that define the threshold on calibrated scores."""

    p_target: float | None = option(
        None, "Prior probability of a target trial; default: that used in training.", above=0, below=1
    )
    c_miss: float = option(1.0, "Cost of a miss, for the threshold.", above=0)
    c_fa: float = option(1.0, "Cost of a false alarm, for the threshold.", above=0)


@dataclasses.dataclass(frozen=True)
class CalibrationOptions(CostOptions):
    """Prior and costs for training, whose loss is weighted by the prior."""

    p_target: float = option(0.01, "Prior probability of a target trial, which weights the loss.", above=0, below=1)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Affine calibration model.

    Attributes:
        offset: added to every score.
        weights: float64 (K,), one per column.
        p_target: target prior of the training loss.
    """

    offset: float
    weights: np.ndarray
    p_target: float

    def apply(self, columns):
        """Computes log-likelihood ratios (N,) from columns (N, K)."""
        if columns.shape[1] != len(self.weights):
            raise InputError(f"the calibration model takes {len(self.weights)} columns, not {columns.shape[1]}")
        with np.errstate(over="ignore", invalid="ignore"):
            ratios = self.offset + columns @ self.weights
        if not np.isfinite(ratios).all():
            raise InputError(
                f"calibrated scores overflow: is the offset {self.offset:g} or a weight of the model damaged?"
            )
        return ratios


def train_calibration(columns, target, p_target=CalibrationOptions.p_target):
    """Trains a Calibration on columns (N, K); bool (N,) `target` marks the target trials."""
    from sklearn.linear_model import LogisticRegression  # loads in a second; only training needs it

    if np.all(target) or not np.any(target):
        raise InputError("calibration needs target and nontarget trials")
    mean, deviation = columns.mean(axis=0), columns.std(axis=0)
    varied = vary(deviation, columns, axis=0)
    if not varied.all():
        raise InputError(f"column {int(np.argmin(varied)) + 1} has the same value in all trials")
    num_targets = np.count_nonzero(target)
    trial_weights = np.where(target, p_target / num_targets, (1 - p_target) / (len(target) - num_targets))
    scale = min(p_target, 1 - p_target, 0.01)
    model = LogisticRegression(C=1 / (RIDGE * scale), tol=1e-6 * scale, max_iter=1000)
    model.fit((columns - mean) / deviation, target, sample_weight=trial_weights)
    weights = model.coef_[0] / deviation
    log_odds = model.intercept_[0] - weights @ mean  # includes the log odds of the prior, by the weights of the trials
    return Calibration(float(log_odds - scipy.special.logit(p_target)), weights, p_target)


def quality_columns(enroll, test):
    """Returns minimum and maximum of each measure over both sides: (N, Q) and (N, Q) to (N, 2 Q).

    So the calibrated score is symmetric in the two sides.
    """
    return np.concatenate([np.minimum(enroll, test), np.maximum(enroll, test)], axis=1)


def write_calibration(path, calibration, description):
    """Writes a model as JSON, with the entries of the dict `description`."""
    model = {"offset": calibration.offset, "weights": list(calibration.weights), "p_target": calibration.p_target}
    write_json(path, {**model, **description})


def read_calibration(path):
    """Reads a file of `write_calibration`: (Calibration, the whole JSON object)."""
    model = read_json(path)
    numeric = (int, float)
    check_entries(model, {"offset": numeric, "weights": list, "p_target": numeric}, path)
    for i, weight in enumerate(model["weights"]):
        check_entries({f"weights[{i}]": weight}, {f"weights[{i}]": numeric}, path)
    if not 0 < model["p_target"] < 1:
        raise InputError(f"{path}: p_target must be between 0 and 1, not {model['p_target']}")
    weights = np.array(model["weights"], np.float64)
    return Calibration(float(model["offset"]), weights, float(model["p_target"])), model
