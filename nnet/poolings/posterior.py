"""Posterior pooling of the xi-vector: frames are weighted by how certain they are."""

import math
from dataclasses import dataclass

from nnet import ops
from nnet.networks.layers import BatchNorm, Conv1d
from nnet.ops import mx
from nnet.options import option
from nnet.poolings.base import Pooling

LOG_LIMIT = 15.0  # bound of the logarithm of a frame's precision, on both sides


@dataclass(frozen=True)
class PosteriorOptions:
    """The mean of a Gaussian posterior over the frames and a learned prior: the xi-vector (Lee et al. 2021)."""

    hidden_dim: int = option(256, "Width of the network that estimates the precision of each frame.", low=1)


class PosteriorPooling(Pooling):
    """Posterior inference of the xi-vector (Lee et al. 2021, "Xi-vector embedding for speaker recognition").

    Each frame x_t is an observation of the utterance's mean with a diagonal precision L_t, which a small network
    estimates: L_t = softplus(V bn(relu(W x_t + b)) + k)². With a learned Gaussian prior of mean m and precision L_p,
    the output is the mean of the posterior, (Σ_t L_t x_t + L_p m) / (Σ_t L_t + L_p). As in WeSpeaker's XI, L_t stays
    within e^±15.
    """

    def __init__(self, in_dim: int, options: PosteriorOptions = PosteriorOptions(), endpoint_dims: dict | None = None):
        super().__init__()
        self.hidden = Conv1d(in_dim, options.hidden_dim)
        self.hidden_bn = BatchNorm(options.hidden_dim)
        self.scores = Conv1d(options.hidden_dim, in_dim)
        self.prior_mean = mx.zeros((in_dim,))
        self.prior_log_precision = mx.zeros((in_dim,))
        self.out_dim = in_dim

    def precisions(self, x):
        """Estimates the precision of each frame and channel: (B, T, C) → the same shape."""
        roots = ops.softplus(self.scores(self.hidden_bn(ops.relu(self.hidden(x)))))
        roots = ops.clip(roots, low=math.exp(-LOG_LIMIT / 2), high=math.exp(LOG_LIMIT / 2))
        return roots * roots

    def __call__(self, x, endpoints=None):
        precisions, prior = self.precisions(x), mx.exp(self.prior_log_precision)
        weighted = ops.sum(precisions * x, axis=1) + prior * self.prior_mean
        return weighted / (ops.sum(precisions, axis=1) + prior)
