"""Pairs of segments in a batch, for losses on pairs. Labels may be in any order."""

from nnet.ops import mx

# Replaces masked logits and similarities: its exp is 0, and its products with 0 are finite.
ABSENT = -1e9


def same_speaker(labels):
    """Returns a mask of pairs of segments of the same speaker, including the diagonal: (B,) → (B, B)."""
    return labels[:, None] == labels[None]


def positive_pairs(same):
    """Returns a mask of positive pairs, two different segments of the same speaker: (B, B) → (B, B)."""
    return same & ~mx.eye(len(same), dtype=mx.bool_)


def masked_mean(values, mask):
    """Computes the mean of the values where the mask is true; 0 if it is true nowhere."""
    mask = mask.astype(values.dtype)
    return mx.sum(values * mask) / mx.maximum(mx.sum(mask), 1)


def nearest_neighbor_accuracy(similarities, same):
    """Computes the share of segments whose most similar other segment is of the same speaker.

    Segments whose speaker has no other segment in the batch are left out.

    Args:
        similarities: (B, B); the diagonal is ignored.
        same: `same_speaker` of the labels.
    """
    own = positive_pairs(same)
    best_own = mx.max(mx.where(own, similarities, ABSENT), axis=1)
    best_other = mx.max(mx.where(same, ABSENT, similarities), axis=1)
    return masked_mean((best_own > best_other).astype(mx.float32), mx.any(own, axis=1))
