"""Batches as arrays: what the sampler planned, read from where the utterances are."""

import numpy as np

from nnet.errors import InputError


class BatchMaker:
    """Makes any batch of any epoch, in any process; pickled, it takes the tables along as shared memory."""

    def __init__(self, sampler, source, transform=None):
        """Args:
            sampler: has `plan(epoch, index)`, `rows_per_batch`, `max_frames`, `steps_per_epoch`, `table`.
            source: has `dim`, `read_into(row, start, out, rng)`, which fills out (frames, dim) float32, and `computes`:
                whether it uses the random generator, and products of matrices.
            transform: called with a chunk (frames, dim) and a random generator; changes the chunk in place
                (SpecAugment).
        """  # fmt: skip
        self.sampler, self.source, self.transform = sampler, source, transform

    @property
    def largest_batch(self):
        """Numbers in the largest batch that can come."""
        return self.sampler.rows_per_batch * self.sampler.max_frames * self.source.dim

    @property
    def shared(self):
        """The SharedArrays that a process which unpickles this must inherit."""
        return [self.sampler.table.columns]

    def make(self, epoch, index, buffer=None):
        """Batch `index` of `epoch`.

        Args:
            buffer: flat float32, at least `largest_batch` long, that takes the features; None: new memory.

        Returns:
            features (B, T, F) float32 and labels (B,) int32.
        """
        plan = self.sampler.plan(epoch, index)
        shape = (len(plan.rows), plan.length, self.source.dim)
        if buffer is None:
            buffer = np.empty(np.prod(shape), np.float32)
        features = buffer[: np.prod(shape)].reshape(shape)
        for out, row, start, seed in zip(features, plan.rows, plan.starts, plan.seeds, strict=True):
            rng = np.random.default_rng(seed) if self.source.computes or self.transform else None
            self.source.read_into(row, start, out, rng)
            if self.transform:
                self.transform(out, rng)
        self._check_finite(features, plan.rows)
        return features, plan.labels

    def _check_finite(self, features, rows):
        # One sum is cheaper than asking of each number, and not finite if any number is not.
        if np.isfinite(features.sum()):
            return
        for row, chunk in zip(rows, features, strict=True):
            if not np.isfinite(chunk).all():
                table = self.sampler.table
                raise InputError(
                    f"{table.path}: the features of {table.utterance(row)} hold NaN or infinite numbers; "
                    "make them again or leave the utterance out"
                )
