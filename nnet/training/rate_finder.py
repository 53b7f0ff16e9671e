"""The learning-rate range test (Smith 2017, section 3.3): a short training whose rate grows until the loss diverges."""

import itertools
import math
from typing import NamedTuple


class Point(NamedTuple):
    """A learning rate and the mean training loss of the steps at it."""

    rate: float
    loss: float


class FixedRate:
    """A schedule of one learning rate."""

    def __init__(self, value):
        self.value = value

    def rate(self, epoch):
        """Returns the learning rate, the same at any epoch."""
        return self.value


def find_rate(trainer, first, factor, period, count):
    """Trains with `count` growing rates; yields a Point after each, and stops early once the loss has diverged.

    Args:
        trainer: a new Trainer; its schedule is replaced, and its model is of no use afterwards.
        first, factor: the rates are first, first·factor, first·factor², ...
        period: updates at each rate.
        count: number of rates.
    """
    trainer.train_mode()
    groups = ((epoch, *group) for epoch in itertools.count() for group in trainer.groups(epoch))
    best = math.inf
    for number in range(count):
        trainer.schedule = FixedRate(first * factor**number)
        trainer.reset_sums()
        for epoch, step, batches in itertools.islice(groups, period):
            trainer.update(epoch, step, batches)
        sums = trainer.state["sums"]
        point = Point(trainer.schedule.value, sums["loss"] / sums["chunks"])
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
