"""Which chunks make a batch: decided by (seed, epoch, batch) alone, so any process can make any batch."""

import logging
from dataclasses import dataclass

import numpy as np

from nnet.datadir.directory import some
from nnet.errors import InputError

logger = logging.getLogger(__name__)

# The third word of a random stream's seed: what the stream decides.
ORDER, BATCH, CHUNK = range(3)


@dataclass(frozen=True)
class Plan:
    """One batch before anything is read.

    Attributes:
        rows: (B,) rows of the utterance table.
        starts: (B,) first frame of each chunk; the chunk of a shorter utterance goes round its end to its beginning.
        length: frames of every chunk.
        labels: (B,) int32 speaker numbers.
        seeds: (B,) tuples, each the seed of what else is random in making the chunk.
    """

    rows: np.ndarray
    starts: np.ndarray
    length: int
    labels: np.ndarray
    seeds: list


class ChunkSampler:
    """Random chunks for training.

    With `sampling="speaker"` the speakers of an epoch come in one random order after another, so that all are drawn
    equally often; each then gives chunks of its utterances that are long enough, of different utterances first. A
    speaker without any gives chunks of shorter ones, repeated. With `sampling="utterance"` the utterances come in one
    random order after another instead, and those that are too short are repeated.
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
            batch_size: chunks of a batch over all ranks; rows K·i to K·i + K - 1 are one speaker's.
            min_frames, max_frames: the range of a batch's one length, both included.
            steps_per_epoch: batches; None: as many as it takes to draw one chunk for each utterance.
            segments_per_speaker: K, chunks of each speaker of a batch; the batch_size / K speakers are different.
            rank, num_ranks: this process makes its equal, contiguous share of each batch.
        """  # fmt: skip
        self.table, self.seed, self.sampling = table, seed, sampling
        self.min_frames, self.max_frames = min_frames, max_frames
        self.segments = segments_per_speaker
        self.speakers_per_batch, rest = divmod(batch_size, segments_per_speaker)
        groups, uneven = divmod(self.speakers_per_batch, num_ranks)
        if rest or uneven:
            raise InputError(
                f"a batch of {batch_size} chunks cannot be shared by {num_ranks} processes in groups of "
                f"{segments_per_speaker} chunks a speaker; choose a multiple"
            )
        self.share = slice(rank * groups * self.segments, (rank + 1) * groups * self.segments)
        self.rows_per_batch = groups * self.segments
        self.steps_per_epoch = steps_per_epoch or -(-table.num_utterances // batch_size)
        self._order = (None, None)
        self._check()

    def plan(self, epoch, index):
        """The Plan of batch `index` of epoch `epoch`."""
        if not 0 <= index < self.steps_per_epoch:
            raise IndexError(f"batch {index} of an epoch of {self.steps_per_epoch}")
        rng = np.random.default_rng((self.seed, BATCH, epoch, index))
        length = int(rng.integers(self.min_frames, self.max_frames + 1))
        units = self._epoch_order(epoch)[index * self.speakers_per_batch : (index + 1) * self.speakers_per_batch]
        if self.sampling == "speaker":
            rows, turn, rounds = self._draw_utterances(units, length, rng)
        else:
            rows, turn, rounds = units, 0, 1
        # An utterance whose turn comes several times gives chunks from different parts of it.
        choices = _num_starts(self.table.frames[rows], length)
        starts = ((turn + rng.random(len(rows))) / rounds * choices).astype(np.int64)
        seeds = [(self.seed, CHUNK, epoch, index, i) for i in range(len(rows))]
        share = self.share
        labels = self.table.labels[rows[share]].astype(np.int32)
        return Plan(rows[share], starts[share], length, labels, seeds[share])

    def _epoch_order(self, epoch):
        """Speakers (or utterances) of a whole epoch: random orders end to end, no batch holding one twice if it can."""
        if self._order[0] != epoch:
            count = self.table.num_speakers if self.sampling == "speaker" else self.table.num_utterances
            rng = np.random.default_rng((self.seed, ORDER, epoch))
            needed = self.steps_per_epoch * self.speakers_per_batch
            self._order = (epoch, _repeated_orders(count, needed, self.speakers_per_batch, rng))
        return self._order[1]

    def _draw_utterances(self, speakers, length, rng):
        """K utterances of each speaker, all different ones before any comes again.

        Returns:
            rows (B,), how often the row's utterance was drawn before (B,), and how often it may be in all (B,).
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
        """First row and number of a speaker's utterances of at least `length` frames; all of them where none is."""
        first, end = self.table.first[speaker : speaker + 2].tolist()
        # A speaker's rows are sorted by length. (An int64 would make searchsorted copy all of them.)
        short = int(self.table.frames[first:end].searchsorted(np.int32(length)))
        return (first + short, end - first - short) if first + short < end else (first, end - first)

    def _check(self):
        table = self.table
        if self.sampling == "utterance":
            if self.segments > 1:
                raise InputError("sampling by utterance cannot give several segments a speaker; sample by speaker")
            _say_short(np.flatnonzero(table.frames < self.max_frames), table.utterance, "utterances", self.max_frames)
            return
        if self.segments > 1 and self.speakers_per_batch > table.num_speakers:
            raise InputError(
                f"a batch of {self.speakers_per_batch} different speakers cannot be drawn from the "
                f"{table.num_speakers} of {table.path}; make the batch smaller"
            )
        longest = table.frames[table.first[1:] - 1]
        _say_short(np.flatnonzero(longest < self.max_frames), table.speaker, "speakers", self.max_frames)
        unused = np.flatnonzero(
            (table.frames < self.min_frames) & (np.repeat(longest, np.diff(table.first)) >= self.min_frames)
        )
        if len(unused):
            logger.warning(
                "%s: %d of %d utterances are shorter than the shortest chunk (%d frames) and are not drawn (%s)",
                table.path, len(unused), table.num_utterances, self.min_frames, some(map(table.utterance, unused)),
            )  # fmt: skip


class SequentialSampler:
    """One chunk of each utterance, in the order of the table, always the same: validation."""

    def __init__(self, table, *, batch_size, frames, seed=0):
        """`frames`: length of every chunk; the last batch may be smaller than `batch_size`."""
        self.table, self.frames = table, frames
        self.rows_per_batch = batch_size
        self.max_frames = frames
        self.steps_per_epoch = -(-table.num_utterances // batch_size)
        self.seed = seed
        draws = np.random.default_rng((seed, BATCH)).random(table.num_utterances)
        self.starts = (draws * _num_starts(table.frames, frames)).astype(np.int64)

    def plan(self, epoch, index):
        """The Plan of batch `index`; `epoch` changes nothing."""
        first = index * self.rows_per_batch
        rows = np.arange(first, min(first + self.rows_per_batch, self.table.num_utterances))
        seeds = [(self.seed, CHUNK, int(row)) for row in rows]
        return Plan(rows, self.starts[rows], self.frames, self.table.labels[rows].astype(np.int32), seeds)


def _repeated_orders(count, needed, group, rng):
    """Random orders of range(count) end to end, `needed` numbers in all.

    Each aligned group of `group` numbers holds different ones where count >= group: an order whose beginning shares a
    group with the end of the one before is rearranged, so that what stands in that end comes later.
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
            "%d %s have no %d frames in one piece; chunks longer than an utterance repeat it (%s)",
            len(short), what, frames, some(map(name, short)),
        )  # fmt: skip


def _num_starts(frames, length):
    """How many first frames a chunk can have in utterances of so many frames (any, where it has to repeat them)."""
    frames = frames.astype(np.int64)
    return np.where(frames >= length, frames - length + 1, frames)
