"""How margins come in during training: over epochs by growing, over steps by annealing."""

import math
from dataclasses import dataclass

from nnet.errors import InputError
from nnet.options import option

# The share of the way that an exponential growth leaves for its last step.
_REMAINS = 1e-3


@dataclass(frozen=True)
class MarginScheduleOptions:
    """A margin and how it grows during training. A loss with these options takes part in large-margin fine-tuning."""

    margin: float = option(0.2, "Margin at the end of its schedule.", low=0)
    initial_margin: float = option(0.0, "Margin before margin_start_epoch.", low=0)
    margin_start_epoch: float = option(0.0, "Epochs of training before the margin grows.", low=0)
    margin_end_epoch: float = option(0.0, "Epochs of training until the margin is full; 0: from the start.", low=0)
    margin_growth: str = option(
        "exp", "How it grows: linear, or exp (fast at first, as in WeSpeaker).", choices=("linear", "exp")
    )


class MarginSchedule:
    """A margin that grows from `initial_margin` to `margin` between two epochs, as WeSpeaker's large-margin training.

    `margin_growth` "exp" is initial + (final − initial)·(1 − 0.001^p), p from 0 to 1.

    Raises:
        InputError: the growth ends before it starts.
    """

    def __init__(self, options: MarginScheduleOptions):
        start, end = options.margin_start_epoch, options.margin_end_epoch
        if start > end:
            raise InputError(f"loss.margin_start_epoch {start} is above loss.margin_end_epoch {end}")
        self.options = options

    def at(self, epoch):
        """The margin after `epoch` epochs."""
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
    """SphereFace's λ: max(minimum, base·(1 + γ·step)^−power).

    The target logit is (λ·plain + with margin) / (1 + λ).
    """

    def __init__(self, base, minimum, gamma, power):
        self.base, self.minimum, self.gamma, self.power = base, minimum, gamma, power

    def at(self, step):
        """λ after `step` updates."""
        return max(self.minimum, self.base * (1 + self.gamma * step) ** -self.power)
