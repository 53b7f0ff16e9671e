"""The interface of poolings, and attentive statistics, which several of them share."""

from nnet import ops
from nnet.ops import nn


class Pooling(nn.Module):
    """Base class of poolings: modules that map the frames of an utterance to one vector.

    The constructor is `Pooling(in_dim, options, endpoint_dims)`: in_dim is the width of the network's frame-level
    output, endpoint_dims a dict with the widths of its endpoints.
    """

    out_dim: int  # width of the output
    # Names of the network's endpoints that this pooling reads; if there are any, the caller must pass `endpoints`.
    inputs = ()
    # If above zero, the caller must pass `endpoints` and add `penalty(endpoints)` to the training loss.
    penalty_weight = 0.0

    def __call__(self, x, endpoints=None):
        """
        Args:
            x: the frame-level output of the network, (B, T, in_dim).
            endpoints: the network's dict from endpoint name to (B, T, D); attention poolings add their weights to it.

        Returns:
            (B, out_dim)
        """
        raise NotImplementedError

    def penalty(self, endpoints):
        """Computes the pooling's penalty on the training loss, a scalar, from the `endpoints` that its call filled."""
        raise NotImplementedError


def attend(x, scores, floor):
    """Computes attentive statistics (Okabe et al. 2018, arXiv 1803.10963).

    Args:
        x: (B, T, C).
        scores: (B, T, C), or (B, T, 1) shared by all channels; their softmax over time weights the frames.
        floor: the smallest variance.

    Returns:
        the weighted mean and standard deviation, concatenated: (B, 2C)
    """
    mean, variance = ops.weighted_statistics(x, scores)
    return ops.concat(mean, ops.sqrt(ops.maximum(variance, floor)))
