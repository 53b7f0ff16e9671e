"""How margins come in during training: over epochs by growing, over steps by annealing."""

import math

from nnet.errors import InputError

# An exponential growth covers this share less than all of the way; the last step goes to the end.
_REMAINS = 1e-3


class MarginSchedule:
    """A margin that grows from `initial` to `final` between two epochs, as WeSpeaker's large-margin training does it.

    Args:
        growth: "linear", or "exp": initial + (final − initial)·(1 − 0.001^p), p from 0 to 1 (fast at first).
    """

    def __init__(self, final, initial, start_epoch, end_epoch, growth):
        if start_epoch > end_epoch:
            raise InputError(f"loss.margin_start_epoch {start_epoch} is above loss.margin_end_epoch {end_epoch}")
        self.final, self.initial = final, initial
        self.start, self.end = start_epoch, end_epoch
        self.growth = growth

    def at(self, epoch):
        """The margin after `epoch` epochs."""
        if epoch >= self.end:
            return self.final
        if epoch < self.start:
            return self.initial
        progress = (epoch - self.start) / (self.end - self.start)
        if self.growth == "exp":
            progress = 1 - math.exp(progress * math.log(_REMAINS))
        return self.initial + (self.final - self.initial) * progress


class Annealing:
    """SphereFace's λ: max(minimum, base·(1 + γ·step)^−power).

    The target logit is (λ·plain + with margin) / (1 + λ).
    """

    def __init__(self, base, minimum, gamma, power):
        self.base, self.minimum, self.gamma, self.power = base, minimum, gamma, power

    def at(self, step):
        """λ after `step` updates."""
        return max(self.minimum, self.base * (1 + self.gamma * step) ** -self.power)
