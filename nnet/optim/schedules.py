"""Learning-rate schedules.

`rate(epoch)` takes the epoch as a real number (2.5: halfway through the third). `end_epoch` takes the validation loss
and returns True if training should stop. `state` is saved in checkpoints.
"""

import math
from dataclasses import dataclass

from nnet.options import option


class Schedule:
    """Base class of the schedules, built as `Schedule(epochs, options)`."""

    def __init__(self, epochs, options):
        self.epochs, self.options = epochs, options
        self.state = {}

    def rate(self, epoch):
        """Returns the learning rate at `epoch`, a real number from 0 to the number of epochs."""
        raise NotImplementedError

    def end_epoch(self, epoch, valid_loss):
        """Processes the validation loss after `epoch` (counted from 1); returns True if training should stop."""
        return False


@dataclass(frozen=True)
class ValidationOptions:
    """Halve the rate when the validation loss stops falling (tf-kaldi-speaker's rule)."""

    learning_rate: float = option(0.01, "Rate of the first epoch.", above=0)
    reduce_epochs: int = option(4, "Epochs without a lower validation loss before the rate is halved.", low=1)
    patience_after: int = option(2, "Extra epochs to wait after halving.", low=0)
    stop_epochs: int = option(
        10,
        "Epochs without a lower validation loss after which training ends. Each halving adds patience_after, "
        "so that with the defaults only min_learning_rate ends it.",
        low=1,
    )
    min_learning_rate: float = option(1e-6, "Training ends when the rate falls below this.", low=0)


class Validation(Schedule):
    """Halves the rate after `reduce_epochs` epochs without a lower validation loss (tf-kaldi-speaker's rule).

    After halving it waits `patience_after` extra epochs, so that the new rate can show its effect.
    """

    def __init__(self, epochs: int, options: ValidationOptions = ValidationOptions()):
        super().__init__(epochs, options)
        self.state = {"rate": options.learning_rate, "best_loss": None, "best_epoch": 0}

    def rate(self, epoch):
        return self.state["rate"]

    def end_epoch(self, epoch, valid_loss):
        state, options = self.state, self.options
        if state["best_loss"] is None or valid_loss < state["best_loss"]:
            state["best_loss"], state["best_epoch"] = valid_loss, epoch
        elif epoch - state["best_epoch"] >= options.reduce_epochs:
            state["rate"] /= 2
            state["best_epoch"] += options.patience_after
        return state["rate"] < options.min_learning_rate or epoch - state["best_epoch"] >= options.stop_epochs


@dataclass(frozen=True)
class FileOptions:
    """Rates read from a file, one per epoch."""

    file: str = option(
        "", "File with one rate per line; its path is relative to the configuration or the current directory."
    )
    rates: tuple[float, ...] = option((), "The rates; empty: read from `file`.", low=0)


class File(Schedule):
    """Rates from a list, one per epoch; the last one is kept."""

    def __init__(self, epochs: int, options: FileOptions = FileOptions()):
        super().__init__(epochs, options)

    def rate(self, epoch):
        rates = self.options.rates
        return rates[min(int(epoch), len(rates) - 1)]


@dataclass(frozen=True)
class WarmupOptions:
    """Linear warm-up to the peak rate."""

    learning_rate: float = option(0.1, "Rate of the schedule's beginning, without the warm-up factor.", above=0)
    warmup_epochs: float = option(
        0.0, "Epochs over which the warm-up factor rises linearly to 1; the rate is multiplied by it.", low=0
    )
    warmup_from: float = option(0.0, "The warm-up factor at the beginning.", low=0, high=1)


@dataclass(frozen=True)
class FinalRateOptions(WarmupOptions):
    """Linear warm-up, and decay to a final rate."""

    final_learning_rate: float = option(5e-5, "Rate at the end of training.", above=0)


class Warmup(Schedule):
    """Base class: a linear warm-up factor, from `warmup_from` to 1, times `decayed_rate`."""

    def __init__(self, epochs: int, options: WarmupOptions):
        super().__init__(epochs, options)

    def rate(self, epoch):
        start, length, rise = self.options.warmup_from, self.options.warmup_epochs, 1.0
        if epoch < length:
            rise = start + (1 - start) * epoch / length
        return rise * self.decayed_rate(epoch)

    def decayed_rate(self, epoch):
        """Returns the rate without the warm-up factor."""
        raise NotImplementedError


@dataclass(frozen=True)
class ExponentialOptions(FinalRateOptions):
    """Exponential decay from learning_rate to final_learning_rate over the whole training, times a warm-up factor."""


class Exponential(Warmup):
    """Exponential decay: learning_rate · (final/learning_rate)^(epoch/epochs), times the warm-up factor."""

    def __init__(self, epochs: int, options: ExponentialOptions = ExponentialOptions()):
        super().__init__(epochs, options)

    def decayed_rate(self, epoch):
        first, last = self.options.learning_rate, self.options.final_learning_rate
        return first * (last / first) ** (epoch / self.epochs)


@dataclass(frozen=True)
class CosineOptions(FinalRateOptions):
    """Linear warm-up, then cosine decay to final_learning_rate (Loshchilov & Hutter 2017)."""


class Cosine(Warmup):
    """Cosine decay from the end of the warm-up to the end of training (Loshchilov & Hutter 2017, eq. 5)."""

    def __init__(self, epochs: int, options: CosineOptions = CosineOptions()):
        super().__init__(epochs, options)

    def decayed_rate(self, epoch):
        first, last = self.options.learning_rate, self.options.final_learning_rate
        warmup = self.options.warmup_epochs
        share = min(max(epoch - warmup, 0.0) / max(self.epochs - warmup, 1e-9), 1.0)
        return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class StepOptions(WarmupOptions):
    """Linear warm-up, and step decay: the rate is multiplied by `gamma` every `step_epochs`."""

    step_epochs: float = option(10.0, "Epochs between two reductions of the rate.", above=0)
    gamma: float = option(0.5, "Factor of each reduction.", above=0, high=1)


class Step(Warmup):
    """Multiplies the rate by `gamma` every `step_epochs`."""

    def __init__(self, epochs: int, options: StepOptions = StepOptions()):
        super().__init__(epochs, options)

    def decayed_rate(self, epoch):
        return self.options.learning_rate * self.options.gamma ** int(epoch / self.options.step_epochs)


@dataclass(frozen=True)
class TriangularOptions:
    """Cyclical rates (Smith 2017, triangular2): each cycle halves the amplitude."""

    learning_rate: float = option(0.1, "Peak of the first cycle.", above=0)
    base_learning_rate: float = option(1e-5, "Lower rate, between the cycles.", above=0)
    cycle_epochs: float = option(10.0, "Epochs of a cycle.", above=0)


class Triangular(Schedule):
    """Triangular cycles between a base rate and a peak whose height is halved after each cycle."""

    def __init__(self, epochs: int, options: TriangularOptions = TriangularOptions()):
        super().__init__(epochs, options)

    def rate(self, epoch):
        peak, base = self.options.learning_rate, self.options.base_learning_rate
        cycle, place = divmod(epoch / self.options.cycle_epochs, 1.0)
        return base + (peak - base) * (1 - abs(2 * place - 1)) / 2**cycle


SCHEDULES = {
    "validation": Validation,
    "file": File,
    "exponential": Exponential,
    "cosine": Cosine,
    "step": Step,
    "triangular": Triangular,
}
