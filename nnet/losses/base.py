"""What every loss is, and the few formulas that many of them share."""

from typing import NamedTuple

from nnet.ops import mx, nn


class LossOutput(NamedTuple):
    """A loss over a batch and how often it was right, both scalars."""

    loss: mx.array
    accuracy: mx.array


class Loss(nn.Module):
    """Base of the losses, which are built as `Loss(in_dim, num_speakers, options)` and keep their options.

    In eval mode the margins of classifiers are off, so that validation losses compare across margins and over a margin
    schedule.
    """

    # Segments of one speaker that a batch must hold.
    min_segments_per_speaker = 1

    def __init__(self, options):
        super().__init__()
        self.options = options

    def __call__(self, embeddings, labels):
        """
        Args:
            embeddings: (B, in_dim).
            labels: speaker numbers, (B,), integers; in any order.

        Returns:
            LossOutput
        """
        raise NotImplementedError

    def set_progress(self, step, epoch):
        """Moves the schedules: `step` updates done so far; `epoch` epochs done so far, with a fraction."""


def log_sum_exp(logits):
    """log Σ_j exp(logits_ij), (B,). The backward pass reuses the exponentials; that of mx.logsumexp takes them anew."""
    top = mx.stop_gradient(mx.max(logits, axis=-1, keepdims=True))
    return mx.squeeze(top, -1) + mx.log(mx.sum(mx.exp(logits - top), axis=-1))


def softplus(x):
    """log(1 + exp(x)), elementwise, without overflow."""
    return mx.maximum(x, 0) + mx.log1p(mx.exp(-mx.abs(x)))


def pick(logits, labels):
    """The logits of the labels: (B, N), (B,) → (B,)."""
    return mx.squeeze(mx.take_along_axis(logits, labels[:, None], axis=1), 1)


def cross_entropy(logits, labels, label_smoothing=0.0):
    """Mean of −Σ_j q_j log softmax(logits)_j, with q the labels or, smoothed by ε, (1−ε)·onehot + ε/N
    (Szegedy et al. 2016, section 7)."""
    target = pick(logits, labels)
    if label_smoothing:
        target = (1 - label_smoothing) * target + label_smoothing * mx.mean(logits, axis=-1)
    return mx.mean(log_sum_exp(logits) - target)


def top1(logits, labels):
    """Share of the rows whose largest logit is that of the label."""
    return mx.mean((mx.argmax(logits, axis=-1) == labels).astype(mx.float32))
