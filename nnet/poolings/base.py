"""What every pooling is, and the statistics that many of them share."""

from nnet import ops
from nnet.ops import nn


class Pooling(nn.Module):
    """Base of the poolings: modules that turn the frames of an utterance into one vector.

    A pooling is built as `Pooling(in_dim, options, endpoint_dims)`: in_dim is the width of the network's frame-level
    output, endpoint_dims the widths of its endpoints by name. It has `out_dim`, the width of its own output.
    """

    out_dim: int
    # Names of the network's endpoints that this pooling reads; the caller passes `endpoints` where there are any.
    inputs = ()
    # Where it is above zero, the caller passes `endpoints` and adds `penalty(endpoints)` to the training loss.
    penalty_weight = 0.0

    def __call__(self, x, endpoints=None):
        """
        Args:
            x: the frame-level output of the network, (B, T, in_dim).
            endpoints: dict, name → (B, T, D), of the network; attention poolings add their weights to it.

        Returns:
            (B, out_dim)
        """
        raise NotImplementedError

    def penalty(self, endpoints):
        """The pooling's own term of the training loss, a scalar, from what its call left in `endpoints`."""
        raise NotImplementedError


def attend(x, scores, floor):
    """Attentive statistics (Okabe et al. 2018, arXiv 1803.10963).

    Args:
        x: (B, T, C).
        scores: (B, T, C), or (B, T, 1) for all channels alike; their softmax over time weights the frames.
        floor: the smallest variance.

    Returns:
        the weighted mean and standard deviation, concatenated: (B, 2C)
    """
    mean, variance = ops.weighted_statistics(x, scores)
    return ops.concat(mean, ops.sqrt(ops.maximum(variance, floor)))
