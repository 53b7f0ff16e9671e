"""A random sample of the training speakers for each update: partial FC (An et al. 2022, arXiv 2203.15565).

With 100 thousand speakers, most of a training step goes into the classifier. Here an update sees the speakers of its
batches and a random share of the others, as if there were no more. The sample depends on (seed, update) and the batches
of all processes alone, so that a resumed training draws the same ones, and so does each process.

As in the authors' implementation, what belongs to a speaker that is not in the sample stays as it is: its weights (no
weight decay either), what the optimizer remembers of them (momentum, Adam's means) and their moving average.
"""

import contextlib

import numpy as np

from nnet.audio.seeds import generator
from nnet.errors import InputError
from nnet.ops import mx
from nnet.ops.lanes import on_cpu


class ClassSampler:
    """Draws the classes of each update, and keeps the others out of it.

    Args:
        model: a SpeakerNet with its loss attached; `loss.options.sample_classes` is the share of its classes.
        optimizer: updates the model.
        group: the processes that train together.
        seed: of the training.

    Raises:
        InputError: the loss has the option, but does not say which of its weights belong to classes.
    """

    def __init__(self, model, optimizer, group, seed):
        self.model, self.optimizer, self.group, self.seed = model, optimizer, group, seed
        self.share = getattr(model.loss.options, "sample_classes", 1.0)
        self.rows_per_class = model.loss.class_weights
        if self.share == 1:
            return
        if not self.rows_per_class:
            raise InputError(f"loss.sample_classes: {type(model.loss).__name__} has no class_weights to sample")
        name, rows = next(iter(self.rows_per_class.items()))
        self.num_classes = len(model.loss[name]) // rows

    @contextlib.contextmanager
    def sampled(self, update, labels, ema):
        """Context of an update, in which loss, optimizer and average hold the rows of its classes only.

        Args:
            update: number of the update.
            labels: the labels (B,) of each batch of this process, a list.
            ema: dict from name to array of the averaged weights; may be empty.

        Yields:
            the labels as columns of the logits, a list
        """
        if self.share == 1:
            yield labels
            return
        joint = self.group.gather(np.concatenate(labels))
        classes = draw_classes(self.num_classes, self.share, joint, generator(self.seed, "classes", update))
        with contextlib.ExitStack() as stack:
            for name, rows in self.rows_per_class.items():
                indices = (classes[:, None] * rows + np.arange(rows)).reshape(-1)
                stack.enter_context(only_rows(self._tables(name, ema), indices))
            yield [np.searchsorted(classes, own).astype(np.int32) for own in labels]

    def _tables(self, name, ema):
        """Returns (dict, key) of each array with the rows of the loss's weight `name`."""
        full = f"loss.{name}"
        memory = self.optimizer.memory(self.model, full)
        return [(self.model.loss, name), *((memory, key) for key in memory), *([(ema, full)] if ema else [])]


def draw_classes(num_classes, share, labels, rng):
    """Draws all classes of `labels` and random others.

    Args:
        num_classes: N.
        share: of the classes to draw; if `labels` has more classes than that, it is these alone.
        labels: (B,) integers.
        rng: a numpy Generator.

    Returns:
        (max(round(share · N), classes of `labels`),) int64, increasing.
    """
    own = np.unique(labels).astype(np.int64)
    count = max(round(share * num_classes) - len(own), 0)
    others = rng.choice(num_classes - len(own), count, replace=False, shuffle=False)
    # Others are numbered without the own classes: own[i] − i of them come before own[i].
    others += np.searchsorted(own - np.arange(len(own)), others, side="right")
    return np.sort(np.concatenate([own, others]))


@contextlib.contextmanager
def only_rows(tables, indices):
    """Context in which arrays are reduced to the rows `indices`; at its end these are put back into the whole arrays.

    Args:
        tables: (dict, key) of each array.
        indices: (S,) integers without duplicates.
    """
    indices = mx.array(indices.astype(np.int32))
    # New arrays, so that what else holds the old ones does not see the assignment below.
    whole = [_wide(holder[key]) for holder, key in tables]
    for (holder, key), table in zip(tables, whole, strict=True):
        holder[key] = mx.view(table[indices], holder[key].dtype)
    yield
    # Once the rows are computed and nothing else needs the whole arrays, MLX writes into them without a copy.
    mx.eval([holder[key] for holder, key in tables])
    for (holder, key), table in zip(tables, whole, strict=True):
        table[indices] = _wide(holder[key])
        holder[key] = mx.view(table, holder[key].dtype)


def _wide(array):
    """Views pairs of float32 as uint64 on a CPU, which writes number by number; Apple GPUs cannot write these."""
    pairs = on_cpu() and array.ndim > 1 and array.shape[-1] % 2 == 0
    return mx.view(array, mx.uint64 if pairs else array.dtype)
