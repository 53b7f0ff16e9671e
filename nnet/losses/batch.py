"""Which segments of a batch are of one speaker, and means over those that count. Labels may come in any order."""

from nnet.ops import mx

# Instead of a logit or a similarity that does not count: exp of it is 0, and products with 0 stay finite.
ABSENT = -1e9


def same_speaker(labels):
    """True where two segments have one speaker, themselves included: (B,) → (B, B)."""
    return labels[:, None] == labels[None]


def positives(same):
    """True where two different segments have one speaker: (B, B) → (B, B)."""
    return same & ~mx.eye(len(same), dtype=mx.bool_)


def masked_mean(values, mask):
    """Mean of the values where the mask is true; 0 where it is so nowhere."""
    mask = mask.astype(values.dtype)
    return mx.sum(values * mask) / mx.maximum(mx.sum(mask), 1)


def nearest_is_own(similarities, same):
    """Share of the segments, of those with a speaker twice in the batch, whose most similar other is of that speaker.

    Args:
        similarities: (B, B); the diagonal is left out.
        same: `same_speaker` of the labels.
    """
    own = positives(same)
    best_own = mx.max(mx.where(own, similarities, ABSENT), axis=1)
    best_other = mx.max(mx.where(same, ABSENT, similarities), axis=1)
    return masked_mean((best_own > best_other).astype(mx.float32), mx.any(own, axis=1))
