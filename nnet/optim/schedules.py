"""Learning-rate schedules: the rate of each step, and what an epoch's validation loss changes.

`rate(epoch)` takes the epoch as a real number (2.5: half way through the third); `end_epoch` returns True when the
training should stop. What a schedule remembers stands in `state`, which a checkpoint keeps.
"""

import math
from dataclasses import dataclass

from nnet.options import option


class Schedule:
    """Base of the schedules, which are built as `Schedule(epochs, options)`: a rate that depends on the epoch alone."""

    def __init__(self, epochs, options):
        self.epochs, self.options = epochs, options
        self.state = {}

    def rate(self, epoch):
        """The learning rate at `epoch`, a real number from 0 to the number of epochs."""
        raise NotImplementedError

    def end_epoch(self, epoch, valid_loss):
        """Takes note of the loss after `epoch` (counted from 1); True when the training should stop."""
        return False


@dataclass(frozen=True)
class ValidationOptions:
    """tf-kaldi-speaker's rule: halve the rate when the validation loss stops falling."""

    learning_rate: float = option(0.01, "Rate of the first epoch.", above=0)
    reduce_epochs: int = option(4, "Epochs without a lower validation loss before the rate is halved.", low=1)
    patience_after: int = option(2, "Extra epochs to wait after halving.", low=0)
    stop_epochs: int = option(
        10, "Epochs without a lower validation loss after which training ends; each halving adds patience_after.", low=1
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
    """A rate for each epoch, from a file."""

    file: str = option(
        "", "A file with one rate a line; its path is relative to the configuration or the current folder."
    )
    rates: tuple[float, ...] = option((), "The rates themselves; empty: they are read from `file`.", low=0)


class File(Schedule):
    """The rate of each epoch, from a list."""

    def __init__(self, epochs: int, options: FileOptions = FileOptions()):
        super().__init__(epochs, options)

    def rate(self, epoch):
        rates = self.options.rates
        return rates[min(int(epoch), len(rates) - 1)]


@dataclass(frozen=True)
class WarmupOptions:
    """The highest rate, and a linear warm-up to it."""

    learning_rate: float = option(0.1, "The highest rate.", above=0)
    warmup_epochs: float = option(0.0, "Epochs over which the rate rises linearly to learning_rate.", low=0)
    warmup_from: float = option(0.0, "Share of learning_rate at which the warm-up begins.", low=0, high=1)


@dataclass(frozen=True)
class FallingOptions(WarmupOptions):
    """A warm-up, and the rate at the end."""

    final_learning_rate: float = option(5e-5, "The rate at the end of the training.", above=0)


class Warmup(Schedule):
    """The product of a linear warm-up, from `warmup_from` to 1, and `fall`."""

    def __init__(self, epochs: int, options: WarmupOptions):
        super().__init__(epochs, options)

    def rate(self, epoch):
        start, length, rise = self.options.warmup_from, self.options.warmup_epochs, 1.0
        if epoch < length:
            rise = start + (1 - start) * epoch / length
        return rise * self.fall(epoch)

    def fall(self, epoch):
        """The rate without the warm-up."""
        raise NotImplementedError


@dataclass(frozen=True)
class ExponentialOptions(FallingOptions):
    """The rate falls exponentially from learning_rate to final_learning_rate, after or during a linear warm-up."""


class Exponential(Warmup):
    """learning_rate · (final/learning_rate)^(epoch/epochs), times the warm-up."""

    def __init__(self, epochs: int, options: ExponentialOptions = ExponentialOptions()):
        super().__init__(epochs, options)

    def fall(self, epoch):
        first, last = self.options.learning_rate, self.options.final_learning_rate
        return first * (last / first) ** (epoch / self.epochs)


@dataclass(frozen=True)
class CosineOptions(FallingOptions):
    """A linear warm-up, then half a cosine down to final_learning_rate (Loshchilov & Hutter 2017)."""


class Cosine(Warmup):
    """Half a cosine from the end of the warm-up to the end of the training."""

    def __init__(self, epochs: int, options: CosineOptions = CosineOptions()):
        super().__init__(epochs, options)

    def fall(self, epoch):
        first, last = self.options.learning_rate, self.options.final_learning_rate
        warmup = self.options.warmup_epochs
        share = min(max(epoch - warmup, 0.0) / max(self.epochs - warmup, 1e-9), 1.0)
        return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class StepOptions(WarmupOptions):
    """A linear warm-up; the rate is multiplied by `gamma` every `step_epochs`."""

    step_epochs: float = option(10.0, "Epochs between two reductions of the rate.", above=0)
    gamma: float = option(0.5, "Factor of each reduction.", above=0, high=1)


class Step(Warmup):
    """Multiplies the rate by `gamma` every `step_epochs`."""

    def __init__(self, epochs: int, options: StepOptions = StepOptions()):
        super().__init__(epochs, options)

    def fall(self, epoch):
        return self.options.learning_rate * self.options.gamma ** int(epoch / self.options.step_epochs)


@dataclass(frozen=True)
class TriangularOptions:
    """Cyclical rates (Smith 2017): up and down between two rates; each cycle halves the distance between them."""

    learning_rate: float = option(0.1, "Peak of the first cycle.", above=0)
    base_learning_rate: float = option(1e-5, "Lower rate, between the cycles.", above=0)
    cycle_epochs: float = option(10.0, "Epochs of a cycle.", above=0)


class Triangular(Schedule):
    """Rises to the peak and falls again in each cycle; the peak's height above the base is halved each time."""

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
