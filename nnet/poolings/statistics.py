"""Poolings without parameters: average, standard deviation, and both."""

from nnet import ops
from nnet.poolings.base import Pooling


class AveragePooling(Pooling):
    """Temporal average pooling: the mean over time."""

    def __init__(self, in_dim):
        super().__init__()
        self.out_dim = in_dim

    def __call__(self, x, endpoints=None):
        return ops.mean(x, axis=1)


class DeviationPooling(Pooling):
    """Temporal standard deviation pooling: sqrt(max(variance + eps, floor))."""

    def __init__(self, in_dim, *, unbiased, eps, floor):
        super().__init__()
        self.unbiased, self.eps, self.floor = unbiased, eps, floor
        self.out_dim = in_dim

    def statistics(self, x):
        """Mean and standard deviation over time of x (B, T, C): (B, C) each."""
        mean, variance = ops.mean_and_variance(x, unbiased=self.unbiased)
        return mean, ops.sqrt(ops.maximum(variance + self.eps, self.floor))

    def __call__(self, x, endpoints=None):
        return self.statistics(x)[1]


class StatisticsPooling(DeviationPooling):
    """Statistics pooling: mean and standard deviation over time, concatenated (Snyder et al., Interspeech 2017).

    WeSpeaker: unbiased, eps 1e-7, floor 0. tf-kaldi-speaker: biased, eps 0, floor 1e-12. Kaldi: biased, floor 1e-10.
    """

    def __init__(self, in_dim, *, unbiased, eps, floor):
        super().__init__(in_dim, unbiased=unbiased, eps=eps, floor=floor)
        self.out_dim = 2 * in_dim

    def __call__(self, x, endpoints=None):
        return ops.concat(*self.statistics(x))
