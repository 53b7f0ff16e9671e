"""Data-parallel training: each process computes its share of every batch, and gradients are averaged.

`nnet.bin.launch` starts the processes (steps/train_nnet.sh --nproc N); a single process is a group of one.
"""

import math
import zlib

import numpy as np

from nnet.cores import place
from nnet.errors import InputError
from nnet.ops import mx, tree_flatten, tree_unflatten
from nnet.ops.normalization import joint_batch

BUCKET_SIZE = 2**23  # gradient elements per collective: 32 MB


class Group:
    """The group of processes that train one model.

    MLX may run independent operations in a different order in each process, and collectives that run in different
    orders mix up their data or deadlock. Therefore each collective of an update depends on the previous one.
    """

    def __init__(self):
        self._group = mx.distributed.init()
        self.rank, self.size = self._group.rank(), self._group.size()
        self._last = None  # result of the last collective of this update
        self._gathered = self._gatherer()

    @property
    def is_main(self):
        """Whether this is the process that writes files and the log."""
        return self.rank == 0

    def joint_statistics(self, wanted):
        """Returns a context in which batch normalization uses the statistics of the joint batch of all processes.

        Args:
            wanted: False: the statistics of each process's own share.
        """
        return joint_batch(self._gathered if wanted and self.size > 1 else None)

    def mean_gradients(self, grads):
        """Averages each gradient over the processes; the last collective of an update."""
        if self.size == 1:
            return grads
        means = []
        for bucket in _buckets(reversed(tree_flatten(grads))):  # gradients of the last layers are ready first
            joined = mx.concatenate([g.reshape(-1) for _, g in bucket])
            ends = np.cumsum([g.size for _, g in bucket])[:-1].tolist()
            parts = mx.split(self._in_order(mx.distributed.all_sum, joined) / self.size, ends)
            means += [(name, part.reshape(g.shape)) for (name, g), part in zip(bucket, parts, strict=True)]
        self._last = None
        return tree_unflatten(means)

    def _gatherer(self):
        """Makes a function that gathers x of every process, (size, *x.shape); its gradient sums over all losses.

        The gradients of MLX's own collectives ignore the losses of the other processes.
        """

        @mx.custom_function
        def gathered(x):
            return self._in_order(mx.distributed.all_gather, x[None])

        @gathered.vjp
        def gradient(x, cotangent, _):
            return self._in_order(mx.distributed.all_sum, cotangent)[self.rank]

        return gathered

    def _in_order(self, collective, x):
        if self._last is not None:
            x = mx.depends(x, self._last)
        self._last = collective(x, group=self._group)
        return self._last

    def sum(self, numbers):
        """Sums a list of numbers over the processes."""
        if self.size == 1:
            return list(numbers)
        # Each number is sent as the sum of two float32, which is nearly as precise as a double.
        values = np.array(numbers, np.float64)
        high = values.astype(np.float32)
        low = (values - high).astype(np.float32)
        total = np.array(self._evaluated(mx.distributed.all_sum, mx.array(np.stack([high, low]))), np.float64)
        return list(total.sum(axis=0))

    def gather(self, integers):
        """Returns the integers of all processes, an array (N,) in each, one after another."""
        if self.size == 1:
            return integers
        return np.array(self._evaluated(mx.distributed.all_gather, mx.array(integers)))

    def at_this_place(self):
        """Returns the number of processes that share the cores of this one (`nnet.cores.place`)."""
        own = np.array([zlib.crc32(place().encode()) >> 1], np.int32)
        return int(np.sum(self.gather(own) == own))

    def broadcast(self, numbers):
        """Returns the main process's list of numbers or None; the others pass any list of the same length."""
        if self.size == 1:
            return list(numbers)
        values = [math.nan if n is None else n for n in numbers] if self.is_main else [0.0] * len(numbers)
        return [None if math.isnan(n) else n for n in self.sum(values)]

    def averaged(self, arrays):
        """Returns a dict of arrays, which is in the same order in all processes, averaged over them."""
        means = {name: self._evaluated(mx.distributed.all_sum, array) / self.size for name, array in arrays.items()}
        mx.eval(means)
        return means

    def _evaluated(self, collective, array):
        try:
            result = collective(array, group=self._group)
            mx.eval(result)
        except RuntimeError as error:
            raise lost_process_error(error) from error
        return result


def _buckets(named):
    """Groups (name, array) pairs into lists of at most BUCKET_SIZE elements in all, or of a single array."""
    bucket, size = [], 0
    for name, array in named:
        if bucket and size + array.size > BUCKET_SIZE:
            yield bucket
            bucket, size = [], 0
        bucket.append((name, array))
        size += array.size
    if bucket:
        yield bucket


def lost_process_error(error):
    """Returns the InputError for the loss of another process of the group."""
    return InputError(f"another process of this training has ended ({error}); see the end of its output for the reason")
