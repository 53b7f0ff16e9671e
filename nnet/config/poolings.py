"""Options of the poolings in nnet/poolings."""

from dataclasses import dataclass

from nnet.config.options import option


@dataclass(frozen=True)
class AverageOptions:
    """Mean over time."""


@dataclass(frozen=True)
class DeviationOptions:
    """Standard deviation over time."""

    unbiased: bool = option(True, "Divide by T - 1 frames (WeSpeaker); false: by T (Kaldi, tf-kaldi-speaker).")
    eps: float = option(1e-7, "Added to the variance before its square root is taken.", low=0)
    floor: float = option(0.0, "The smallest variance (1e-12 in tf-kaldi-speaker, with eps 0).", low=0)


@dataclass(frozen=True)
class StatisticsOptions(DeviationOptions):
    """Mean and standard deviation over time."""


POOLING_OPTIONS = {
    "average": AverageOptions,
    "deviation": DeviationOptions,
    "statistics": StatisticsOptions,
}
