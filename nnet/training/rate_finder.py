"""The learning-rate range test (Smith 2017, section 3.3): a short training whose rate grows until the loss explodes."""

import math
from typing import NamedTuple


class Point(NamedTuple):
    """The mean loss of the steps taken at one rate."""

    rate: float
    loss: float


class RateSweep:
    """A schedule that multiplies the rate by `factor` every `period` steps of an epoch of `steps_per_epoch`."""

    def __init__(self, first, factor, period, steps_per_epoch):
        self.first, self.factor, self.period, self.steps_per_epoch = first, factor, period, steps_per_epoch

    def rate(self, epoch):
        """The learning rate at `epoch`, a real number."""
        return self.first * self.factor ** (round(epoch * self.steps_per_epoch) // self.period)


def find_rate(trainer, first, factor, period, count):
    """Trains with `count` growing rates; yields a Point after each, and ends early once the loss has exploded.

    Args:
        trainer: a fresh Trainer; its schedule is replaced and its model is used up.
        first, factor: the rates are first, first·factor, first·factor², ...
        period: steps at each rate.
        count: how many rates.
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


def suggest(points):
    """The rate where the loss, smoothed over three points, falls fastest: a good highest rate to start from."""
    losses = [p.loss for p in points]
    smooth = [sum(losses[max(i - 1, 0) : i + 2]) / len(losses[max(i - 1, 0) : i + 2]) for i in range(len(losses))]
    falls = [a - b for a, b in zip(smooth, smooth[1:], strict=False)]
    return points[falls.index(max(falls)) + 1].rate if falls else points[0].rate
