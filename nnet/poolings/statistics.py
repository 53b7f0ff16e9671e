"""Poolings without trainable parameters: average, standard deviation, and both."""

from dataclasses import dataclass

from nnet import ops
from nnet.errors import InputError
from nnet.options import option
from nnet.poolings.base import Pooling


@dataclass(frozen=True)
class AverageOptions:
    """Mean over time."""


class AveragePooling(Pooling):
    """Temporal average pooling: the mean over time."""

    def __init__(self, in_dim: int, options: AverageOptions = AverageOptions(), endpoint_dims: dict | None = None):
        super().__init__()
        self.out_dim = in_dim

    def __call__(self, x, endpoints=None):
        return ops.mean(x, axis=1)


@dataclass(frozen=True)
class DeviationOptions:
    """Standard deviation over time."""

    unbiased: bool = option(True, "Divide by T - 1 frames (WeSpeaker); false: by T (Kaldi, tf-kaldi-speaker).")
    eps: float = option(1e-7, "Added to the variance before its square root is taken.", low=0)
    floor: float = option(0.0, "The smallest variance (1e-12 in tf-kaldi-speaker, with eps 0).", low=0)


class DeviationPooling(Pooling):
    """Temporal standard deviation pooling: sqrt(max(variance + eps, floor))."""

    def __init__(self, in_dim: int, options: DeviationOptions = DeviationOptions(), endpoint_dims: dict | None = None):
        super().__init__()
        if not options.eps and not options.floor:
            raise InputError(
                "pooling.eps and pooling.floor are both 0: the gradient of a channel that does not vary would be NaN; "
                "tf-kaldi-speaker has a floor of 1e-12"
            )
        self.unbiased, self.eps, self.floor = options.unbiased, options.eps, options.floor
        self.out_dim = in_dim

    def statistics(self, x):
        """Computes mean and standard deviation over time: x (B, T, C) → (B, C) each."""
        mean, variance = ops.mean_and_variance(x, unbiased=self.unbiased)
        return mean, ops.sqrt(ops.maximum(variance + self.eps, self.floor))

    def __call__(self, x, endpoints=None):
        return self.statistics(x)[1]


@dataclass(frozen=True)
class StatisticsOptions(DeviationOptions):
    """Mean and standard deviation over time."""


class StatisticsPooling(DeviationPooling):
    """Statistics pooling: mean and standard deviation over time, concatenated (Snyder et al., Interspeech 2017).

    WeSpeaker: unbiased, eps 1e-7, floor 0. tf-kaldi-speaker: biased, eps 0, floor 1e-12. Kaldi: biased, floor 1e-10.
    """

    def __init__(
        self, in_dim: int, options: StatisticsOptions = StatisticsOptions(), endpoint_dims: dict | None = None
    ):
        super().__init__(in_dim, options, endpoint_dims)
        self.out_dim = 2 * in_dim

    def __call__(self, x, endpoints=None):
        return ops.concat(*self.statistics(x))
