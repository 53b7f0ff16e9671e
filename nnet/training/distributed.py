"""Several processes that train one model: each has its share of every batch, and gradients are averaged.

`nnet.bin.launch` starts them (steps/train_nnet.sh --nproc N); a process on its own is a group of one.
"""

import math

import numpy as np

from nnet.errors import InputError
from nnet.ops import mx, tree_flatten, tree_unflatten
from nnet.ops.normalization import joint_batch

SENT_AT_ONCE = 2**23  # values of gradients: 32 MB


class Group:
    """The processes of this training.

    Processes that compute the same on different numbers of cores may run independent operations in different orders,
    and collectives that meet in the wrong order mix up their data, or wait for ever. So within an update each
    collective waits for the one that the program asked for before it.
    """

    def __init__(self):
        self._group = mx.distributed.init()
        self.rank, self.size = self._group.rank(), self._group.size()
        self._last = None  # the result of the last collective of this update
        self._gathered = self._gatherer()

    @property
    def first(self):
        """Whether this is the one process that writes files and the log."""
        return self.rank == 0

    def joint_statistics(self, wanted):
        """A context in which batch normalisation takes the statistics of the joint batch, if that is wanted."""
        return joint_batch(self._gathered if wanted and self.size > 1 else None)

    def mean_gradients(self, grads):
        """The mean of each gradient over the processes; ends the collectives of an update."""
        if self.size == 1:
            return grads
        means = []
        for bucket in _buckets(reversed(tree_flatten(grads))):  # those of the last layers are ready first
            joined = mx.concatenate([g.reshape(-1) for _, g in bucket])
            ends = np.cumsum([g.size for _, g in bucket])[:-1].tolist()
            parts = mx.split(self._in_turn(mx.distributed.all_sum, joined) / self.size, ends)
            means += [(name, part.reshape(g.shape)) for (name, g), part in zip(bucket, parts, strict=True)]
        self._last = None
        return tree_unflatten(means)

    def _gatherer(self):
        """The x of every process, (size, *x.shape). The gradient is that of the sum of all processes' losses.

        MLX's own gradients of collectives leave out what the other processes' losses say.
        """

        @mx.custom_function
        def gathered(x):
            return self._in_turn(mx.distributed.all_gather, x[None])

        @gathered.vjp
        def gradient(x, cotangent, _):
            return self._in_turn(mx.distributed.all_sum, cotangent)[self.rank]

        return gathered

    def _in_turn(self, collective, x):
        if self._last is not None:
            x = mx.depends(x, self._last)
        self._last = collective(x, group=self._group)
        return self._last

    def sum(self, numbers):
        """The sums over the processes of a list of numbers."""
        if self.size == 1:
            return list(numbers)
        # Each number travels as two float32, which together hold it nearly as well as a double does.
        values = np.array(numbers, np.float64)
        high = values.astype(np.float32)
        low = (values - high).astype(np.float32)
        total = np.array(self._all_sum(mx.array(np.stack([high, low]))), np.float64)
        return list(total.sum(axis=0))

    def from_first(self, numbers):
        """The first process's list of numbers (or None), the same length in all processes; others pass anything."""
        if self.size == 1:
            return list(numbers)
        values = [math.nan if n is None else n for n in numbers] if self.first else [0.0] * len(numbers)
        return [None if math.isnan(n) else n for n in self.sum(values)]

    def share_statistics(self, module):
        """Replaces what no gradient moves (running statistics, moved centres) by its mean over the processes."""
        if self.size == 1:
            return
        moved = dict(tree_flatten(module.trainable_parameters()))
        kept = [(name, w) for name, w in tree_flatten(module.parameters()) if name not in moved]
        module.update(tree_unflatten([(name, self._all_sum(w) / self.size) for name, w in kept]))
        mx.eval(module.parameters())

    def _all_sum(self, array):
        try:
            total = mx.distributed.all_sum(array, group=self._group)
            mx.eval(total)
        except RuntimeError as error:
            raise lost_process(error) from error
        return total


def _buckets(named):
    """The (name, array) pairs in lists of at most SENT_AT_ONCE values, or of one array."""
    bucket, size = [], 0
    for name, array in named:
        if bucket and size + array.size > SENT_AT_ONCE:
            yield bucket
            bucket, size = [], 0
        bucket.append((name, array))
        size += array.size
    if bucket:
        yield bucket


def lost_process(error):
    """The InputError that says that another process of the group is gone."""
    return InputError(f"another process of this training is gone ({error}); its own last words say why")
