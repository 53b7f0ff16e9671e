"""Measures what a training step and an extraction of a configuration take on this machine, on noise."""

import resource
import statistics
import sys
import time
from dataclasses import dataclass

import numpy as np

from nnet.model.engine import engine_of
from nnet.model.extraction import embed_utterance
from nnet.model.speaker_net import attach_loss, build_model
from nnet.ops import mx, tree_flatten
from nnet.training.trainer import Trainer

BUDGET = 10.0  # seconds: no larger batch is tried if its step would take longer
REPETITIONS = 3
EXTRACTED = 3  # utterances


@dataclass(frozen=True)
class StepCost:
    """Cost of a configuration on this machine.

    Attributes:
        parameters: number of weights.
        embedding: dimension of the embedding.
        frames: frames of a training chunk, on average.
        seconds: of a training step with the configuration's batch; `low` and `high` bound it.
        measured: chunks of the largest batch that was measured; the configuration's, unless it takes too long.
        memory: bytes of the process that trains.
        extraction: frames per second in extraction.
    """

    parameters: int
    embedding: int
    frames: int
    seconds: float
    low: float
    high: float
    measured: int
    memory: float
    extraction: float


def measure(config, dim, speakers, utterance_frames):
    """Returns the StepCost of a configuration.

    Steps are real ones (loss, gradients, update) with batches that grow up to the configuration's, or as long as a step
    stays within BUDGET seconds. From the two largest batches follow a fixed part and one that grows.

    Args:
        config: a Config.
        dim: dimension of the features.
        speakers: of the training set, without speeds.
        utterance_frames: frames of an utterance whose embedding is extracted.
    """
    mx.random.seed(0)
    model = build_model(config, dim)
    speakers *= 1 + len(config.data.speeds)
    attach_loss(model, config, speakers)
    frames = max((config.data.min_frames + config.data.max_frames) // 2, model.network.min_frames)
    trainer = Trainer(model, config, ".", _Endless(), None, [])
    trainer.train_mode()
    segments = max(config.data.segments_per_speaker, model.loss.min_segments_per_speaker)
    sizes, times, memories = [], [], []
    batch = config.data.batch_size
    chunks = 2 * segments
    while chunks:
        times.append(_time_steps(trainer, chunks, segments, speakers, frames, dim))
        sizes.append(chunks)
        memories.append(_memory())
        chunks = _next_size(sizes, times[-1][1], max(batch, 2 * segments))
    low, typical, high = (_at(batch, sizes, [t[i] for t in times]) for i in range(3))
    proportional = times[-1][1] * batch / sizes[-1]  # as if nothing were fixed
    parameters = sum(w.size for _, w in tree_flatten(model.parameters()))
    return StepCost(
        parameters,
        model.endpoint_dim(model.node),
        frames,
        typical,
        min(low, typical, proportional),
        max(high, typical, proportional),
        sizes[-1],
        max(memories[-1], _at(batch, sizes, memories)),
        _extraction_speed(model, utterance_frames, dim),
    )


class _Endless:
    """What a Trainer asks of its loader, without batches."""

    steps_per_epoch, wait_seconds, num_workers = 1_000_000, 0.0, 0


def _next_size(sizes, seconds, batch):
    """Returns how many chunks are measured next: twice as many, or at once `batch`; 0: nothing more is measured.

    Args:
        sizes: of the batches that were measured.
        seconds: of a step with the last one.
        batch: that of the configuration, at least the first size.
    """
    last, whole = sizes[-1], seconds * batch / sizes[-1]  # as if nothing were fixed
    if last == batch:
        return 0
    if whole <= BUDGET / 4:
        return batch
    return min(2 * last, batch) if seconds * min(2, batch / last) <= BUDGET else 0


def _time_steps(trainer, chunks, segments, speakers, frames, dim):
    """Returns (least, median, greatest) seconds of an update, after one that is not counted."""
    rng = np.random.default_rng(chunks)
    labels = (np.arange(chunks) // segments % speakers).astype(np.int32)
    seconds = []
    for _ in range(1 + REPETITIONS):
        batch = rng.standard_normal((chunks, frames, dim)).astype(np.float32), labels
        begun = time.perf_counter()
        trainer.update(0, len(seconds), [batch])
        seconds.append(time.perf_counter() - begun)
        if sum(seconds) > BUDGET and len(seconds) > 2:
            break
    counted = seconds[1:]
    return min(counted), statistics.median(counted), max(counted)


def _at(batch, sizes, values):
    """Returns the value at a batch, on the line through those of the two largest sizes; at least the last one."""
    if batch <= sizes[-1] or len(sizes) == 1:
        return values[-1]
    slope = (values[-1] - values[-2]) / (sizes[-1] - sizes[-2])
    return values[-1] + max(0.0, slope) * (batch - sizes[-1])


def _memory():
    """Returns the bytes of memory that this process has taken at most, and on a GPU those of MLX."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    on_gpu = mx.default_device() == mx.gpu and sys.platform != "darwin"  # whose memory is not that of the process
    return peak + (mx.get_peak_memory() if on_gpu else 0)


def _extraction_speed(model, frames, dim):
    """Returns the frames per second of `embed_utterance`, with the engine that extraction takes."""
    model.eval()
    rng = np.random.default_rng(0)
    frames = max(frames, model.network.min_frames)
    features = rng.standard_normal((frames, dim)).astype(np.float32)
    engine = engine_of(model, model.node)
    embed_utterance(model, features, engine=engine)
    begun = time.perf_counter()
    for _ in range(EXTRACTED):
        embed_utterance(model, features, engine=engine)
    return EXTRACTED * frames / (time.perf_counter() - begun)
