"""Learning-rate schedules: the rate of each step, and what an epoch's validation loss changes.

`rate(epoch)` takes the epoch as a real number (2.5: half way through the third); `end_epoch` returns True when the
training should stop. What a schedule remembers stands in `state`, which a checkpoint keeps.
"""

import math

from nnet.config.dropout import parse_dropout


class Schedule:
    """A rate that depends on the epoch alone."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.state = {}

    def rate(self, epoch):
        """The learning rate at `epoch`, a real number from 0 to the number of epochs."""
        raise NotImplementedError

    def end_epoch(self, epoch, valid_loss):
        """Takes note of the loss after `epoch` (counted from 1); True when the training should stop."""
        return False


class Validation(Schedule):
    """Halves the rate after `reduce_epochs` epochs without a lower validation loss (tf-kaldi-speaker's rule).

    A halving earns `patience_after` epochs in which it may show its effect before the next.
    """

    def __init__(self, epochs, learning_rate, reduce_epochs, patience_after, stop_epochs, min_learning_rate):
        super().__init__(epochs)
        self.reduce_epochs, self.patience_after, self.stop_epochs = reduce_epochs, patience_after, stop_epochs
        self.min_learning_rate = min_learning_rate
        self.state = {"rate": learning_rate, "best_loss": None, "best_epoch": 0}

    def rate(self, epoch):
        return self.state["rate"]

    def end_epoch(self, epoch, valid_loss):
        state = self.state
        if state["best_loss"] is None or valid_loss < state["best_loss"]:
            state["best_loss"], state["best_epoch"] = valid_loss, epoch
        elif epoch - state["best_epoch"] >= self.reduce_epochs:
            state["rate"] /= 2
            state["best_epoch"] += self.patience_after
        return state["rate"] < self.min_learning_rate or epoch - state["best_epoch"] >= self.stop_epochs


class File(Schedule):
    """The rate of each epoch, from a list."""

    def __init__(self, epochs, file, rates):
        super().__init__(epochs)
        self.rates = rates

    def rate(self, epoch):
        return self.rates[min(int(epoch), len(self.rates) - 1)]


class Warmup(Schedule):
    """A linear rise from `warmup_from · learning_rate`, times what `fall` makes of the rest."""

    def __init__(self, epochs, learning_rate, warmup_epochs, warmup_from):
        super().__init__(epochs)
        self.learning_rate, self.warmup_epochs, self.warmup_from = learning_rate, warmup_epochs, warmup_from

    def rate(self, epoch):
        rise = 1.0
        if epoch < self.warmup_epochs:
            rise = self.warmup_from + (1 - self.warmup_from) * epoch / self.warmup_epochs
        return rise * self.fall(epoch)

    def fall(self, epoch):
        """The rate without the warm-up."""
        raise NotImplementedError


class Exponential(Warmup):
    """learning_rate · (final/learning_rate)^(epoch/epochs), times the warm-up."""

    def __init__(self, epochs, final_learning_rate, **warmup):
        super().__init__(epochs, **warmup)
        self.ratio = final_learning_rate / self.learning_rate

    def fall(self, epoch):
        return self.learning_rate * self.ratio ** (epoch / self.epochs)


class Cosine(Warmup):
    """Half a cosine from the end of the warm-up to the end of the training."""

    def __init__(self, epochs, final_learning_rate, **warmup):
        super().__init__(epochs, **warmup)
        self.final = final_learning_rate

    def fall(self, epoch):
        rest = max(self.epochs - self.warmup_epochs, 1e-9)
        share = min(max(epoch - self.warmup_epochs, 0.0) / rest, 1.0)
        return self.final + (self.learning_rate - self.final) * (1 + math.cos(math.pi * share)) / 2


class Step(Warmup):
    """A product with `gamma` every `step_epochs`."""

    def __init__(self, epochs, step_epochs, gamma, **warmup):
        super().__init__(epochs, **warmup)
        self.step_epochs, self.gamma = step_epochs, gamma

    def fall(self, epoch):
        return self.learning_rate * self.gamma ** int(epoch / self.step_epochs)


class Triangular(Schedule):
    """Up to the peak and down again in each cycle, the peak's height over the base halved each time (Smith 2017)."""

    def __init__(self, epochs, learning_rate, base_learning_rate, cycle_epochs):
        super().__init__(epochs)
        self.peak, self.base, self.cycle_epochs = learning_rate, base_learning_rate, cycle_epochs

    def rate(self, epoch):
        cycle, place = divmod(epoch / self.cycle_epochs, 1.0)
        return self.base + (self.peak - self.base) * (1 - abs(2 * place - 1)) / 2**cycle


SCHEDULES = {
    "validation": Validation,
    "file": File,
    "exponential": Exponential,
    "cosine": Cosine,
    "step": Step,
    "triangular": Triangular,
}


def build_schedule(choice, epochs):
    """The schedule that a configuration's `schedule` section asks for."""
    return SCHEDULES[choice.type](epochs, **choice.kwargs())


def dropout_at(text, share):
    """The dropout of a schedule in Kaldi's notation after `share` (0 to 1) of the training."""
    corners = parse_dropout(text, "dropout")
    for (left, before), (right, after) in zip(corners, corners[1:], strict=False):
        if share <= right:
            return before + (after - before) * (share - left) / max(right - left, 1e-9)
    return corners[-1][1]
