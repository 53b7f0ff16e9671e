"""Products of few rows at a time, for the caches."""

from nnet.compute import mx
from nnet.compute.copies import concatenated
from nnet.compute.inference import inferring
from nnet.compute.lanes import on_cpu

# Rows of a product with a large matrix. With more of them the matrix and the rows leave the caches in turns: 70 instead
# of 95 GFLOP/s (1536 × 1536 values, MKL, Zen 3) whenever neighbours use the shared cache.
BLOCK_ROWS = 400
LARGE = 2**18  # values


def in_blocks(function, x, *others, size):
    """function(x, *others), where nobody asks for gradients in blocks of few enough frames for the caches.

    Args:
        function: treats every frame alone.
        x, others: (B, T, ...).
        size: values of the matrix that it multiplies frames with.
    """
    count = -(-x.shape[0] * x.shape[1] // BLOCK_ROWS)
    if count == 1 or size < LARGE or not inferring() or not on_cpu():
        return function(x, *others)
    axis = 0 if len(x) >= count else 1
    ends = [x.shape[axis] * i // count for i in range(1, count)]
    blocks = zip(*(mx.split(array, ends, axis) for array in (x, *others)), strict=True)
    return concatenated([function(*block) for block in blocks], axis)
