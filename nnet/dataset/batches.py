"""Assembly of batches: reads the chunks selected by a sampler into arrays."""

import numpy as np

from nnet.errors import InputError


class BatchMaker:
    """Makes any batch of any epoch, in any process; pickling shares the tables as shared memory."""

    def __init__(self, sampler, source, transform=None):
        """Args:
            sampler: ChunkSampler or SequentialSampler.
            source: ArkChunks or AudioChunks, with `dim`, `read_into(row, start, out, rng)`, which fills out
                (frames, dim) float32, and `computes`: whether it uses the random generator and matrix products.
            transform: function of a chunk (frames, dim) and a random generator that changes the chunk in place
                (SpecAugment).
        """  # fmt: skip
        self.sampler, self.source, self.transform = sampler, source, transform

    @property
    def largest_batch(self):
        """Size of the largest possible batch, in float32 values."""
        return self.sampler.rows_per_batch * self.sampler.max_frames * self.source.dim

    @property
    def shared(self):
        """SharedArrays that a process must inherit to unpickle this."""
        return [self.sampler.table.columns]

    def make(self, epoch, index, buffer=None):
        """Makes batch `index` of `epoch`.

        Args:
            buffer: flat float32 of at least `largest_batch` values for the features; None: new memory.

        Returns:
            features (B, T, F) float32 and labels (B,) int32.

        Raises:
            InputError: features contain NaN or infinity.
        """
        batch = self.sampler.batch(epoch, index)
        shape = (len(batch.rows), batch.length, self.source.dim)
        if buffer is None:
            buffer = np.empty(np.prod(shape), np.float32)
        features = buffer[: np.prod(shape)].reshape(shape)
        for out, row, start, seed in zip(features, batch.rows, batch.starts, batch.seeds, strict=True):
            rng = np.random.default_rng(seed) if self.source.computes or self.transform else None
            self.source.read_into(row, start, out, rng)
            if self.transform:
                self.transform(out, rng)
        self._check_finite(features, batch.rows)
        return features, batch.labels

    def _check_finite(self, features, rows):
        # The sum is not finite if any value is not, and is cheaper than testing each value.
        if np.isfinite(features.sum()):
            return
        for row, chunk in zip(rows, features, strict=True):
            if not np.isfinite(chunk).all():
                table = self.sampler.table
                raise InputError(
                    f"{table.path}: the features of {table.utterance(row)} contain NaN or infinity; "
                    "compute them again or remove the utterance"
                )
