"""The learning-rate range test (Smith 2017, section 3.3): a short training whose rate grows until the loss diverges."""

import math
from typing import NamedTuple


class Point(NamedTuple):
    """A learning rate and the mean training loss of the steps at it."""

    rate: float
    loss: float


class RateSweep:
    """A schedule that multiplies the rate by `factor` every `period` steps of an epoch of `steps_per_epoch`."""

    def __init__(self, first, factor, period, steps_per_epoch):
        self.first, self.factor, self.period, self.steps_per_epoch = first, factor, period, steps_per_epoch

    def rate(self, epoch):
        """Returns the learning rate at `epoch`, a real number."""
        return self.first * self.factor ** (round(epoch * self.steps_per_epoch) // self.period)


def find_rate(trainer, first, factor, period, count):
    """Trains with `count` growing rates; yields a Point after each, and stops early once the loss has diverged.

    Args:
        trainer: a new Trainer; its schedule is replaced, and its model is of no use afterwards.
        first, factor: the rates are first, first·factor, first·factor², ...
        period: steps at each rate.
        count: number of rates.
    """
    steps = trainer.loader.steps_per_epoch
    trainer.schedule = RateSweep(first, factor, period, steps)
    trainer.train_mode()
    best = math.inf
    for number in range(count):
        trainer.reset_sums()
        for total in range(number * period, (number + 1) * period):
            epoch, step = divmod(total, steps)
            if total == 0 or step == 0:
                batches = trainer.loader.epoch(epoch)
            trainer.update(epoch, step, [next(batches)])
        sums = trainer.state["sums"]
        point = Point(first * factor**number, sums["loss"] / sums["chunks"])
        yield point
        best = min(best, point.loss)
        if point.loss > 4 * best:
            return


def suggest_rate(points):
    """Returns the rate where the loss, smoothed over three points, falls fastest: a good initial learning rate."""
    losses = [p.loss for p in points]
    smooth = [sum(losses[max(i - 1, 0) : i + 2]) / len(losses[max(i - 1, 0) : i + 2]) for i in range(len(losses))]
    falls = [a - b for a, b in zip(smooth, smooth[1:], strict=False)]
    return points[falls.index(max(falls)) + 1].rate if falls else points[0].rate
