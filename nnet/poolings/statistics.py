"""Poolings without parameters: average, standard deviation, and both."""

from nnet.ops import mx
from nnet.ops.lanes import each
from nnet.poolings.base import Pooling, mean_and_variance


class AveragePooling(Pooling):
    """Temporal average pooling: the mean over time."""

    def __init__(self, in_dim):
        super().__init__()
        self.out_dim = in_dim

    def __call__(self, x, endpoints=None):
        return each(lambda x: mx.mean(x, axis=1), x)


class DeviationPooling(Pooling):
    """Temporal standard deviation pooling: sqrt(max(variance + eps, floor))."""

    def __init__(self, in_dim, *, unbiased, eps, floor):
        super().__init__()
        self.unbiased, self.eps, self.floor = unbiased, eps, floor
        self.out_dim = in_dim

    def statistics(self, x):
        """Mean and standard deviation over time of x (B, T, C): (B, C) each."""
        mean, variance = mean_and_variance(x, self.unbiased)
        return mean, mx.sqrt(mx.maximum(variance + self.eps, self.floor))

    def __call__(self, x, endpoints=None):
        return each(lambda x: self.statistics(x)[1], x)


class StatisticsPooling(DeviationPooling):
    """Statistics pooling: mean and standard deviation over time, concatenated (Snyder et al., Interspeech 2017).

    WeSpeaker: unbiased, eps 1e-7, floor 0. tf-kaldi-speaker: biased, eps 0, floor 1e-12. Kaldi: biased, floor 1e-10.
    """

    def __init__(self, in_dim, *, unbiased, eps, floor):
        super().__init__(in_dim, unbiased=unbiased, eps=eps, floor=floor)
        self.out_dim = 2 * in_dim

    def __call__(self, x, endpoints=None):
        return each(lambda x: mx.concatenate(self.statistics(x), axis=-1), x)
