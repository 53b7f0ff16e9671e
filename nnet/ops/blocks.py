"""Products of few rows at a time, for the caches."""

from nnet.ops import mx
from nnet.ops.copies import concatenated


def in_blocks(function, x, *others, rows):
    """function(x, *others) in blocks of at most `rows` frames.

    Args:
        function: treats every frame alone.
        x, others: (B, T, ...).
    """
    count = -(-x.shape[0] * x.shape[1] // rows)
    if count <= 1:
        return function(x, *others)
    axis = 0 if len(x) >= count else 1
    ends = [x.shape[axis] * i // count for i in range(1, count)]
    blocks = zip(*(mx.split(array, ends, axis) for array in (x, *others)), strict=True)
    return concatenated([function(*block) for block in blocks], axis)
