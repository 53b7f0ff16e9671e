"""Options of the optimisers and of the learning-rate schedules."""

from dataclasses import dataclass

from nnet.options import option


@dataclass(frozen=True)
class _Decay:
    weight_decay: float = option(0.0, "L2 decay of the weights of network, pooling and embedding.", low=0)
    loss_weight_decay: float | None = option(None, "L2 decay of the loss's own weights; null: as weight_decay.", low=0)
    decay_all: bool = option(True, "Decay biases and batch normalisation as well; false: matrices and kernels only.")


@dataclass(frozen=True)
class SgdOptions(_Decay):
    """Plain stochastic gradient descent."""


@dataclass(frozen=True)
class MomentumOptions(_Decay):
    """Stochastic gradient descent with momentum (Sutskever et al. 2013)."""

    momentum: float = option(0.9, "Decay of the velocity.", low=0, high=1)
    nesterov: bool = option(False, "Look ahead along the velocity.")


@dataclass(frozen=True)
class AdamOptions(_Decay):
    """Adam (Kingma & Ba 2015, algorithm 1); weight decay is added to the gradient."""

    beta1: float = option(0.9, "Decay of the mean of the gradients.", low=0, high=1)
    beta2: float = option(0.999, "Decay of the mean of their squares.", low=0, high=1)
    eps: float = option(1e-8, "Added to the root of the mean square.", above=0)


@dataclass(frozen=True)
class AdamWOptions(AdamOptions):
    """AdamW (Loshchilov & Hutter 2019, algorithm 2): Adam with the weight decay apart from the gradient."""


OPTIMIZER_OPTIONS = {"sgd": SgdOptions, "momentum": MomentumOptions, "adam": AdamOptions, "adamw": AdamWOptions}


@dataclass(frozen=True)
class ValidationSchedule:
    """tf-kaldi-speaker's rule: the rate is halved when the validation loss stops falling."""

    learning_rate: float = option(0.01, "Rate of the first epoch.", above=0)
    reduce_epochs: int = option(4, "Epochs without a lower validation loss before the rate is halved.", low=1)
    patience_after: int = option(2, "Epochs of patience that a halving earns.", low=0)
    stop_epochs: int = option(
        10, "Epochs without a lower validation loss (halvings' patience aside) that end it.", low=1
    )
    min_learning_rate: float = option(1e-6, "Training ends when the rate falls below this.", low=0)


@dataclass(frozen=True)
class FileSchedule:
    """A rate for each epoch, written down beforehand."""

    file: str = option("", "A file with a rate a line: absolute, or seen from the configuration's folder or from here.")
    rates: tuple[float, ...] = option((), "The rates themselves; read from `file` where that is given.", low=0)


@dataclass(frozen=True)
class _Warmup:
    learning_rate: float = option(0.1, "The highest rate.", above=0)
    warmup_epochs: float = option(0.0, "Epochs over which the rate rises linearly to learning_rate.", low=0)
    warmup_from: float = option(0.0, "Share of learning_rate at which the rise begins.", low=0, high=1)


@dataclass(frozen=True)
class _Falling(_Warmup):
    final_learning_rate: float = option(5e-5, "The rate at the end of the training.", above=0)


@dataclass(frozen=True)
class ExponentialSchedule(_Falling):
    """The rate falls exponentially from learning_rate to final_learning_rate, after or during a linear warm-up."""


@dataclass(frozen=True)
class CosineSchedule(_Falling):
    """A linear warm-up, then half a cosine down to final_learning_rate (Loshchilov & Hutter 2017)."""


@dataclass(frozen=True)
class StepSchedule(_Warmup):
    """A linear warm-up, then a product with `gamma` every `step_epochs`."""

    step_epochs: float = option(10.0, "Epochs between two falls of the rate.", above=0)
    gamma: float = option(0.5, "Factor of each fall.", above=0, high=1)


@dataclass(frozen=True)
class TriangularSchedule:
    """Cyclical rates (Smith 2017): up and down between two rates; the peak is halved with every cycle."""

    learning_rate: float = option(0.1, "Peak of the first cycle.", above=0)
    base_learning_rate: float = option(1e-5, "Rate between the cycles.", above=0)
    cycle_epochs: float = option(10.0, "Epochs of a whole cycle.", above=0)


SCHEDULE_OPTIONS = {
    "validation": ValidationSchedule,
    "file": FileSchedule,
    "exponential": ExponentialSchedule,
    "cosine": CosineSchedule,
    "step": StepSchedule,
    "triangular": TriangularSchedule,
}
