"""Sampling of the chunks of a batch from (seed, epoch, batch) alone, so that any process can make any batch."""

import logging
from dataclasses import dataclass

import numpy as np

from nnet.datadir.directory import examples
from nnet.errors import InputError

logger = logging.getLogger(__name__)

# Random streams, the second word of their seeds.
ORDER, BATCH, CHUNK = range(3)


@dataclass(frozen=True)
class SampledBatch:
    """Chunks of a batch, not yet read.

    Attributes:
        rows: (B,) rows of the utterance table.
        starts: (B,) first frame of each chunk; a chunk longer than its utterance wraps around.
        length: frames of every chunk.
        labels: (B,) int32 speaker labels.
        seeds: (B,) tuples, seeds for augmentation and dither of each chunk.
    """

    rows: np.ndarray
    starts: np.ndarray
    length: int
    labels: np.ndarray
    seeds: list


class ChunkSampler:
    """Samples random chunks for training.

    With `sampling="speaker"`, an epoch is a sequence of random permutations of the speakers, so that all are drawn
    equally often. Each drawn speaker contributes chunks of different utterances that are long enough; if it has none,
    shorter ones are repeated. With `sampling="utterance"`, an epoch is a sequence of random permutations of the
    utterances, and short ones are repeated. An utterance that the table has at several speeds counts once: it is drawn
    at a random one of them.
    """

    def __init__(
        self,
        table,
        *,
        batch_size,
        min_frames,
        max_frames,
        seed=0,
        steps_per_epoch=None,
        segments_per_speaker=1,
        sampling="speaker",
        rank=0,
        num_ranks=1,
    ):
        """Args:
            table: an UtteranceTable.
            batch_size: chunks per batch over all ranks; rows K·i to K·i + K - 1 are of one speaker.
            min_frames, max_frames: range of the chunk length, which is the same within a batch (inclusive).
            steps_per_epoch: batches per epoch; None: one chunk per recorded utterance on average.
            segments_per_speaker: K, chunks per speaker in a batch; its batch_size / K speakers are different.
            rank, num_ranks: this process makes an equal, contiguous part of each batch.
        """  # fmt: skip
        self.table, self.seed, self.sampling = table, seed, sampling
        self.min_frames, self.max_frames = min_frames, max_frames
        self.segments = segments_per_speaker
        self.speakers_per_batch, rest = divmod(batch_size, segments_per_speaker)
        groups, uneven = divmod(self.speakers_per_batch, num_ranks)
        if rest or uneven:
            raise InputError(
                f"batch size {batch_size} is not a multiple of {num_ranks} processes times {segments_per_speaker} "
                "segments per speaker"
            )
        self.share = slice(rank * groups * self.segments, (rank + 1) * groups * self.segments)
        self.rows_per_batch = groups * self.segments
        recorded = len(table.versions[1]) - 1 if table.versions else table.num_utterances
        self.steps_per_epoch = steps_per_epoch or -(-recorded // batch_size)
        self._order = (None, None)
        self._check()

    def batch(self, epoch, index):
        """Returns the SampledBatch `index` of `epoch`."""
        if not 0 <= index < self.steps_per_epoch:
            raise IndexError(f"batch {index} of an epoch of {self.steps_per_epoch}")
        rng = np.random.default_rng((self.seed, BATCH, epoch, index))
        length = int(rng.integers(self.min_frames, self.max_frames + 1))
        units = self._epoch_order(epoch)[index * self.speakers_per_batch : (index + 1) * self.speakers_per_batch]
        if self.sampling == "speaker":
            rows, turn, rounds = self._draw_utterances(units, length, rng)
        else:
            rows, turn, rounds = units, 0, 1
        # An utterance that is drawn several times contributes chunks from different parts.
        choices = _num_starts(self.table.frames[rows], length)
        starts = ((turn + rng.random(len(rows))) / rounds * choices).astype(np.int64)
        seeds = [(self.seed, CHUNK, epoch, index, i) for i in range(len(rows))]
        share = self.share
        labels = self.table.labels[rows[share]].astype(np.int32)
        return SampledBatch(rows[share], starts[share], length, labels, seeds[share])

    def _epoch_order(self, epoch):
        """Returns the speakers (or utterances) of an epoch: random permutations, without duplicates in a batch."""
        if self._order[0] != epoch:
            rng = np.random.default_rng((self.seed, ORDER, epoch))
            self._order = (epoch, self._draw_order(rng))
        return self._order[1]

    def _draw_order(self, rng):
        needed, group = self.steps_per_epoch * self.speakers_per_batch, self.speakers_per_batch
        if self.sampling == "speaker":
            return _repeated_orders(self.table.num_speakers, needed, group, rng)
        if not self.table.versions:
            return _repeated_orders(self.table.num_utterances, needed, group, rng)
        rows, first = self.table.versions
        drawn = _repeated_orders(len(first) - 1, needed, group, rng)
        count = first[drawn + 1] - first[drawn]
        return rows[first[drawn] + (rng.random(needed) * count).astype(np.int64)]

    def _draw_utterances(self, speakers, length, rng):
        """Draws K utterances of each speaker, all of them once before any is repeated.

        Returns:
            rows (B,), how often each was drawn before (B,), and its maximum number of draws (B,).
        """
        first, count = zip(*[self._long_enough(speaker, length) for speaker in speakers], strict=True)
        if self.segments == 1:
            return first + rng.integers(count), 0, 1
        rows, turns, rounds = [], [], []
        for start, size in zip(first, count, strict=True):
            needed = -(-self.segments // size)
            for turn in range(needed):
                drawn = rng.choice(size, min(size, self.segments - turn * size), replace=False)
                rows.append(start + drawn)
                turns += [turn] * len(drawn)
            rounds += [needed] * self.segments
        return np.concatenate(rows), np.array(turns), np.array(rounds)

    def _long_enough(self, speaker, length):
        """Returns first row and number of a speaker's utterances of at least `length` frames; of all if none is."""
        first, end = self.table.first[speaker : speaker + 2].tolist()
        # A speaker's rows are sorted by length. (An int64 would make searchsorted copy them.)
        short = int(self.table.frames[first:end].searchsorted(np.int32(length)))
        return (first + short, end - first - short) if first + short < end else (first, end - first)

    def _check(self):
        table = self.table
        if self.sampling == "utterance":
            if self.segments > 1:
                raise InputError('several segments per speaker need sampling "speaker", not "utterance"')
            _say_short(np.flatnonzero(table.frames < self.max_frames), table.utterance, "utterances", self.max_frames)
            return
        if self.segments > 1 and self.speakers_per_batch > table.num_speakers:
            raise InputError(
                f"a batch has {self.speakers_per_batch} different speakers, but {table.path} has only "
                f"{table.num_speakers}; reduce the batch size"
            )
        longest = table.frames[table.first[1:] - 1]
        _say_short(np.flatnonzero(longest < self.max_frames), table.speaker, "speakers", self.max_frames)
        unused = np.flatnonzero(
            (table.frames < self.min_frames) & (np.repeat(longest, np.diff(table.first)) >= self.min_frames)
        )
        if len(unused):
            logger.warning(
                "%s: %d of %d utterances are shorter than the minimum chunk (%d frames) and not used (%s)",
                table.path, len(unused), table.num_utterances, self.min_frames, examples(map(table.utterance, unused)),
            )  # fmt: skip


class SequentialSampler:
    """Samples one fixed chunk of each utterance, in the order of the table, for validation."""

    def __init__(self, table, *, batch_size, frames, seed=0):
        """`frames`: length of every chunk; the last batch may be smaller than `batch_size`."""
        self.table, self.frames = table, frames
        self.rows_per_batch = batch_size
        self.max_frames = frames
        self.steps_per_epoch = -(-table.num_utterances // batch_size)
        self.seed = seed
        draws = np.random.default_rng((seed, BATCH)).random(table.num_utterances)
        self.starts = (draws * _num_starts(table.frames, frames)).astype(np.int64)

    def batch(self, epoch, index):
        """Returns the SampledBatch `index`, the same in every epoch."""
        first = index * self.rows_per_batch
        rows = np.arange(first, min(first + self.rows_per_batch, self.table.num_utterances))
        seeds = [(self.seed, CHUNK, int(row)) for row in rows]
        return SampledBatch(rows, self.starts[rows], self.frames, self.table.labels[rows].astype(np.int32), seeds)


def _repeated_orders(count, needed, group, rng):
    """Concatenates random permutations of range(count), `needed` numbers in total.

    Each aligned group of `group` numbers is free of duplicates if count >= group: where a group spans two permutations,
    the second one is rearranged so that numbers of the first part come later.
    """
    orders, total = [], 0
    while total < needed:
        order = rng.permutation(count)
        left_over = total % group
        if left_over and count >= group:
            clash = np.isin(order, orders[-1][-left_over:])
            beginning = order[~clash][: group - left_over]
            order = np.concatenate([beginning, order[~np.isin(order, beginning)]])
        orders.append(order)
        total += count
    return np.concatenate(orders)[:needed]


def _say_short(short, name, what, frames):
    if len(short):
        logger.warning(
            "%d %s have no utterance of %d frames; shorter utterances are repeated to fill a chunk (%s)",
            len(short), what, frames, examples(map(name, short)),
        )  # fmt: skip


def _num_starts(frames, length):
    """Counts the possible start frames of a chunk in utterances of given lengths (all frames if they are repeated)."""
    frames = frames.astype(np.int64)
    return np.where(frames >= length, frames - length + 1, frames)
