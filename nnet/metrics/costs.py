"""Detection costs: minimum (best threshold) and actual (scores taken as log-likelihood ratios).

A cost is Cmiss Ptarget Pmiss + Cfa (1 - Ptarget) Pfa, normalized by the smaller cost of accepting or rejecting all
trials, as in Kaldi's compute_min_dcf.py and NIST's plans from 2012 on. DETware prints it without normalization.
"""

import dataclasses

import numpy as np

from nnet.metrics.error_rates import ErrorRates
from nnet.metrics.llr import ConvexHull


@dataclasses.dataclass(frozen=True)
class OperatingPoint:
    """Costs of misses and false alarms, and prior of targets.

    >>> nnet.OperatingPoint(c_miss=1, c_fa=1, p_target=0.05).default_cost
    0.05
    """

    c_miss: float
    c_fa: float
    p_target: float

    @property
    def default_cost(self) -> float:
        """Cost of accepting or rejecting all trials, whichever is smaller: the normalization factor."""
        return min(self.c_miss * self.p_target, self.c_fa * (1 - self.p_target))

    def cost(self, miss: np.ndarray, false_alarm: np.ndarray) -> np.ndarray:
        """Computes the normalized cost of error rates."""
        cost = self.c_miss * self.p_target * miss
        cost += self.c_fa * (1 - self.p_target) * false_alarm
        cost /= self.default_cost
        return cost

    def __str__(self) -> str:
        return f"Cmiss {self.c_miss:g}, Cfa {self.c_fa:g}, P {self.p_target:g}"


@dataclasses.dataclass(frozen=True)
class Cost:
    """Detection cost: the mean over one or more operating points.

    >>> cost = nnet.Cost("DCF(0.05)", (nnet.OperatingPoint(c_miss=1, c_fa=1, p_target=0.05),))
    """

    name: str
    points: tuple[OperatingPoint, ...]

    def __str__(self) -> str:
        return " and ".join(str(point) for point in self.points)


def _cost(name: str, *points: tuple[float, float, float]) -> Cost:
    return Cost(name, tuple(OperatingPoint(*point) for point in points))


# NIST's evaluation plans. 2012 distinguishes known and unknown nontargets; here they are pooled. 2018 kept the cost of
# 2016 for telephone speech (CTS) and added one for video (VAST), which the VoxCeleb challenges use as well.
SETTINGS = {
    cost.name: cost
    for cost in (
        _cost("DCF08", (10, 1, 0.01)),
        _cost("DCF10", (1, 1, 0.001)),
        _cost("DCF(0.01)", (1, 1, 0.01)),
        _cost("DCF12", (1, 1, 0.01), (1, 1, 0.001)),
        _cost("DCF16/18-CTS", (1, 1, 0.01), (1, 1, 0.005)),
        _cost("DCF18-VAST", (1, 1, 0.05)),
    )
}


def min_dcf(rates: ErrorRates | ConvexHull, cost: Cost = SETTINGS["DCF(0.01)"]) -> float:
    """Computes the minimum cost over all thresholds; for several operating points, the mean of their minima.

    >>> rates = nnet.error_rates(np.array([3.0, 1.0, 2.0, 0.0]), np.array([True, True, False, False]))
    >>> nnet.min_dcf(rates)
    0.5

    Args:
        rates: ErrorRates, or their ConvexHull, which has the same minima.
        cost: a Cost; default: Cmiss 1, Cfa 1, target prior 0.01.
    """
    return float(np.mean([point.cost(rates.miss, rates.false_alarm).min() for point in cost.points]))


def act_dcf(rates: ErrorRates, cost: Cost) -> float:
    """Computes the cost at the Bayes threshold, which assumes that scores are natural log-likelihood ratios."""
    return float(np.mean([point.cost(*rates.at(bayes_threshold(point))) for point in cost.points]))


def bayes_threshold(point: OperatingPoint) -> float:
    """Returns the log-likelihood ratio above which accepting costs less than rejecting."""
    return float(np.log(point.c_fa * (1 - point.p_target)) - np.log(point.c_miss * point.p_target))
