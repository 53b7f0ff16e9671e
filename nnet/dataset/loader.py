"""Data loaders: iterate over the batches of an epoch, made by worker processes or in this process."""

import functools
import time

from nnet.datadir.directory import DataDir
from nnet.dataset.batches import BatchMaker
from nnet.dataset.feats import ark_chunks
from nnet.dataset.sampler import ChunkSampler, SequentialSampler
from nnet.dataset.worker_pool import WorkerPool
from nnet.errors import InputError


class Loader:
    """Iterates over the batches of a BatchMaker.

    Attributes:
        steps_per_epoch: number of batches per epoch.
        num_workers: processes that make batches ahead; 0: none.
        wait_seconds: total time spent waiting for batches.
        target_dims: dimensions of a teacher's embeddings and frames in the batches: None, there are none.
    """

    target_dims = None

    def __init__(self, maker, num_workers=0):
        self.maker = maker
        self.steps_per_epoch = maker.sampler.steps_per_epoch
        self.dim = maker.source.dim
        self.num_workers = num_workers
        self.wait_seconds = 0.0
        self._pool = WorkerPool(maker, num_workers) if num_workers else None
        self._next = None  # the position of the first batch not yet requested
        self._expected = None  # the position of the first batch not yet collected

    def epoch(self, epoch, start_step=0):
        """Yields features (B, T, F) float32 and labels (B,) int32 of the batches of an epoch from `start_step` on."""
        for step in range(start_step, self.steps_per_epoch):
            started = time.perf_counter()
            batch = self._collect((epoch, step)) if self._pool else self._make(epoch, step)
            self.wait_seconds += time.perf_counter() - started
            yield batch

    def _collect(self, position):
        pool = self._pool
        if position != self._expected:
            pool.discard()
            self._next = position
        self._expected = self._after(position)
        self._request_ahead()
        batch = pool.collect()
        self._request_ahead()
        return batch

    def _request_ahead(self):
        # Requests continue into the next epoch, so that its first batches are ready when it starts.
        while self._pool.num_pending < self._pool.capacity:
            self._pool.submit(*self._next)
            self._next = self._after(self._next)

    def _make(self, epoch, step):
        if not self.maker.source.computes:
            return self.maker.make(epoch, step)
        with _blas_of_numpy().limit(limits=1):
            return self.maker.make(epoch, step)

    def _after(self, position):
        epoch, step = position
        return (epoch, step + 1) if step + 1 < self.steps_per_epoch else (epoch + 1, 0)

    def close(self):
        """Stops the worker processes; they also stop with this object or its process."""
        if self._pool:
            self._pool.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@functools.cache
def _blas_of_numpy():
    """Returns a controller of the threads of numpy's BLAS, whose results depend on their number in the last bits."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(internal_api="openblas")


class ChunkLoader(Loader):
    """Loads random training chunks; the batches depend on the seed, never on the number of workers.

    `with ChunkLoader(...) as loader: for features, labels in loader.epoch(0): ...`
    """

    def __init__(
        self,
        data_dir,
        spk2int,
        *,
        source="feats",
        conf=None,
        augment=None,
        speeds=(),
        transform=None,
        num_workers=0,
        **sampling,
    ):
        """Args:
            data_dir: path of a data directory with utt2spk.
            spk2int: {speaker: label}.
            source: "feats": read feats.scp; "audio": read wav.scp and compute features on the fly.
            conf: for audio, the feature configuration (content of feats_conf.json); None: that of data_dir.
            augment: for audio, function of samples (n,) and a random generator; returns (n,) samples (Augmenter).
            speeds: for audio, each adds a copy of all speakers at this speed; spk2int must contain them, as
                `speaker_indices(nnet.dataset.audio.with_speeds(utt2spk, speeds))` does.
            transform: function of each chunk (frames, dim) and a random generator; changes it in place (SpecAugment).
            num_workers: processes that make batches ahead; 0: none.
            sampling: arguments of ChunkSampler: batch_size, min_frames, max_frames, seed, steps_per_epoch,
                segments_per_speaker, sampling, rank, num_ranks.
        """  # fmt: skip
        table, chunks = open_source(data_dir, spk2int, source, conf, augment, speeds)
        super().__init__(BatchMaker(ChunkSampler(table, **sampling), chunks, transform), num_workers)


class ValidationLoader(Loader):
    """Loads one fixed chunk of every utterance: `for features, labels in loader.epoch(0)`."""

    def __init__(self, data_dir, spk2int, *, batch_size, frames, seed=0, source="feats", conf=None, num_workers=0):
        """Args:
            data_dir, spk2int, source, conf, num_workers: as for ChunkLoader.
            batch_size: chunks per batch; the last batch may be smaller.
            frames: length of every chunk; shorter utterances are repeated.
        """  # fmt: skip
        table, chunks = open_source(data_dir, spk2int, source, conf)
        sampler = SequentialSampler(table, batch_size=batch_size, frames=frames, seed=seed)
        super().__init__(BatchMaker(sampler, chunks), num_workers)


def open_source(data_dir, spk2int, source, conf=None, augment=None, speeds=()):
    """Opens a data directory for reading chunks: (UtteranceTable, ArkChunks or AudioChunks)."""
    data = DataDir(data_dir)
    if source == "audio":
        # Imported here: scipy and soundfile double the start-up time of a worker, and archives do not need them.
        from nnet.dataset.audio import audio_chunks

        return audio_chunks(data, spk2int, conf, augment, speeds)
    if augment or speeds:
        raise InputError(f"{data.path}: augmentation and change of speed need audio, not stored features")
    return ark_chunks(data, spk2int)
