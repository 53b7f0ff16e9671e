"""Several processes that train one model: each has its share of every batch, and gradients are averaged.

`mlx.launch` starts them (steps/train_nnet.sh --nproc N); a process on its own is a group of one.
"""

import math

import numpy as np

from nnet.compute import mx, nn, tree_flatten, tree_unflatten
from nnet.errors import InputError


class Group:
    """The processes of this training."""

    def __init__(self):
        self._group = mx.distributed.init()
        self.rank, self.size = self._group.rank(), self._group.size()

    @property
    def first(self):
        """Whether this is the one process that writes files and the log."""
        return self.rank == 0

    def mean_gradients(self, grads):
        """The mean of each gradient over the processes."""
        return nn.average_gradients(grads) if self.size > 1 else grads

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


def lost_process(error):
    """The InputError that says that another process of the group is gone."""
    return InputError(f"another process of this training is gone ({error}); its own last words say why")
