"""Schedules of a margin during training: growth over epochs, annealing over steps."""

import math
from dataclasses import dataclass

from nnet.errors import InputError
from nnet.options import option

# Share of the growth that remains at the end of an exponential schedule, before its jump to the final margin.
_REMAINS = 1e-3


@dataclass(frozen=True)
class MarginScheduleOptions:
    """A margin that may grow during training; losses with these options support large-margin fine-tuning."""

    margin: float = option(0.2, "Final margin.", low=0)
    initial_margin: float = option(0.0, "Margin before margin_start_epoch.", low=0)
    margin_start_epoch: float = option(0.0, "Epoch at which the margin starts to grow.", low=0)
    margin_end_epoch: float = option(
        0.0, "Epoch at which the margin reaches its final value; 0: from the start.", low=0
    )
    margin_growth: str = option(
        "exp", "Shape of the growth: linear, or exp (fast at first, as in WeSpeaker).", choices=("linear", "exp")
    )


class MarginSchedule:
    """A margin that grows from `initial_margin` to `margin` between two epochs, as in WeSpeaker.

    `margin_growth` "exp" is initial + (final − initial)·(1 − 0.001^p) with p from 0 to 1.

    Raises:
        InputError: margin_start_epoch is above margin_end_epoch.
    """

    def __init__(self, options: MarginScheduleOptions):
        start, end = options.margin_start_epoch, options.margin_end_epoch
        if start > end:
            raise InputError(f"loss.margin_start_epoch {start} is above loss.margin_end_epoch {end}")
        self.options = options

    def at(self, epoch):
        """Returns the margin after `epoch` epochs, a real number."""
        options = self.options
        if epoch >= options.margin_end_epoch:
            return options.margin
        if epoch < options.margin_start_epoch:
            return options.initial_margin
        progress = (epoch - options.margin_start_epoch) / (options.margin_end_epoch - options.margin_start_epoch)
        if options.margin_growth == "exp":
            progress = 1 - math.exp(progress * math.log(_REMAINS))
        return options.initial_margin + (options.margin - options.initial_margin) * progress


class Annealing:
    """SphereFace's annealing weight λ = max(minimum, base·(1 + γ·step)^−power).

    The target's logit is (λ·plain + with margin) / (1 + λ).
    """

    def __init__(self, base, minimum, gamma, power):
        self.base, self.minimum, self.gamma, self.power = base, minimum, gamma, power

    def at(self, step):
        """Returns λ after `step` updates."""
        return max(self.minimum, self.base * (1 + self.gamma * step) ** -self.power)
