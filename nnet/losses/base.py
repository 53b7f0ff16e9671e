"""The interface of losses, and functions that several losses share."""

from dataclasses import dataclass
from typing import NamedTuple

from nnet.ops import mx, nn
from nnet.options import option


class LossOutput(NamedTuple):
    """Loss and accuracy of a batch, both scalars."""

    loss: mx.array
    accuracy: mx.array


@dataclass(frozen=True)
class SampledClassesOptions:
    """A softmax over the training speakers, or over a sample of them."""

    sample_classes: float = option(
        1.0,
        "Share of the speakers in the softmax of a training step: those of the batch and a random rest (partial FC), "
        "for 100 thousand speakers and more; 1: all.",
        above=0,
        high=1,
    )


class Loss(nn.Module):
    """Base class of losses; the constructor is `Loss(in_dim, num_speakers, options)`.

    In eval mode the margins of classifiers are off, so that validation losses are comparable across margins and along a
    margin schedule.
    """

    # Minimum number of segments per speaker in a batch.
    min_segments_per_speaker = 1

    # Whether the labels matter; if not, the validation set may be of other speakers.
    uses_labels = True

    def __init__(self, options):
        super().__init__()
        self.options = options

    @property
    def class_weights(self):
        """Dict from the name of each weight that belongs to speakers to its number of rows per speaker.

        Training with `sample_classes` leaves only the rows of the sampled speakers in these weights.
        """
        return {}

    def __call__(self, embeddings, labels):
        """
        Args:
            embeddings: (B, in_dim).
            labels: speaker indices, (B,), integers; in any order.

        Returns:
            LossOutput
        """
        raise NotImplementedError

    def set_progress(self, step, epoch):
        """Updates margin and annealing schedules.

        Args:
            step: completed updates.
            epoch: completed epochs, a real number.
        """


def log_sum_exp(logits):
    """Computes log Σ_j exp(logits_ij): (B, N) → (B,). The gradient reuses the exponentials, unlike mx.logsumexp."""
    top = mx.stop_gradient(mx.max(logits, axis=-1, keepdims=True))
    return mx.squeeze(top, -1) + mx.log(mx.sum(mx.exp(logits - top), axis=-1))


def softplus(x):
    """Computes log(1 + exp(x)), elementwise, without overflow."""
    return mx.maximum(x, 0) + mx.log1p(mx.exp(-mx.abs(x)))


def target_logits(logits, labels):
    """Returns the logits of the labels: (B, N), (B,) → (B,)."""
    return mx.squeeze(mx.take_along_axis(logits, labels[:, None], axis=1), 1)


def cross_entropy(logits, labels, label_smoothing=0.0):
    """Computes the mean of −Σ_j q_j log softmax(logits)_j over a batch: (B, N), (B,) → scalar.

    q is the one-hot label or, with label smoothing ε, (1−ε)·onehot + ε/N (Szegedy et al. 2016, section 7).
    """
    target = target_logits(logits, labels)
    if label_smoothing:
        target = (1 - label_smoothing) * target + label_smoothing * mx.mean(logits, axis=-1)
    return mx.mean(log_sum_exp(logits) - target)


def top1(logits, labels):
    """Computes the share of rows whose largest logit is that of the label: (B, N), (B,) → scalar."""
    return mx.mean((mx.argmax(logits, axis=-1) == labels).astype(mx.float32))
