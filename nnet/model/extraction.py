"""Embeddings of utterances of any length.

Utterances are read a window at a time. In a window, chunks of one length are computed together, so that no batch holds
padding and an embedding does not depend on its neighbours; while MLX computes a window, the next one is being read.
"""

import itertools

import numpy as np

from nnet.errors import InputError
from nnet.ops import mx
from nnet.ops.lanes import num_lanes, on_cpu
from nnet.ops.sharded import SHARD_FRAMES

WINDOW = 64  # utterances that are read before their chunks are grouped
WINDOW_FRAMES = 400_000  # or fewer of them, once they have so many frames: 128 MB of 80 filter banks
GPU_FRAMES = 50_000  # in a batch on a GPU
SHARDS_PER_LANE = 4  # in a batch on a CPU: its filters are made ready once, and lanes wait for each other at its end


def embed_utterances(model, utterances, chunk_size=10000, min_chunk_size=1, node=None):
    """Embeds a stream of utterances: for each, the mean over its chunks, weighted by their frames.

    Args:
        model: a SpeakerNet in eval mode.
        utterances: iterable of (key, features (T, F) float32).
        chunk_size, min_chunk_size: in frames; a chunk_size of -1: each utterance is one chunk.
        node: the endpoint to take, one vector an utterance; None: the model's own.

    Yields:
        (key, (D,) float32), in the order of the stream; (key, None) for an utterance with fewer frames than
        `min_chunk_size` or than the network needs.
    """
    node, least = model.utterance_node(node), max(min_chunk_size, model.network.min_frames)
    if chunk_size != -1 and chunk_size < least:
        raise InputError(f"chunks of {chunk_size} frames give no embedding: the least is {least}; -1 is no chunks")
    pending = []
    for window in _windows(utterances):
        started = _start(model, window, chunk_size, least, node)
        yield from _finish(*pending) if pending else ()
        pending = (window, *started)
    yield from _finish(*pending) if pending else ()


def embed_utterance(model, features, chunk_size=10000, min_chunk_size=1, node=None):
    """The embedding of one utterance, features (T, F) → (D,) float32 or None; see `embed_utterances`."""
    return next(embed_utterances(model, [("", features)], chunk_size, min_chunk_size, node))[1]


def chunks_of(num_frames, chunk_size, min_chunk_size):
    """The parts (first, last + 1) in which an utterance is read: whole chunks, and the rest unless it is too short.

    As in Kaldi's nnet3-xvector-compute, a rest of less than `min_chunk_size` frames is left out, and with a chunk_size
    of -1 the utterance is one chunk.
    """
    if chunk_size == -1:
        chunk_size = max(num_frames, 1)
    spans = [(first, min(first + chunk_size, num_frames)) for first in range(0, num_frames, chunk_size)]
    return [(first, stop) for first, stop in spans if stop - first >= min_chunk_size]


def _windows(utterances):
    window, frames = [], 0
    for key, features in utterances:
        window.append((key, features))
        frames += len(features)
        if len(window) == WINDOW or frames >= WINDOW_FRAMES:
            yield window
            window, frames = [], 0
    if window:
        yield window


def _start(model, window, chunk_size, least, node):
    """Sets MLX to work: (batches, their vectors), a batch being a list of (utterance of the window, first, stop)."""
    chunks = [(i, *span) for i, (_, f) in enumerate(window) for span in chunks_of(len(f), chunk_size, least)]
    batches, vectors = [], []
    for shards in _batches(chunks):
        features = [mx.array(np.stack([window[i][1][first:stop] for i, first, stop in shard])) for shard in shards]
        vectors.append(model.extract(features if len(features) > 1 else features[0], node))
        mx.async_eval(vectors[-1])
        batches.append(list(itertools.chain(*shards)))
    return batches, vectors


def _batches(chunks):
    """Lists of shards that are computed together; the chunks of a shard have one length, and a GPU's batch is one."""
    shards = []
    for frames, same_length in itertools.groupby(sorted(chunks, key=_length), key=_length):
        group, most = list(same_length), max(1, (SHARD_FRAMES if on_cpu() else GPU_FRAMES) // frames)
        shards += [group[i : i + most] for i in range(0, len(group), most)]
    count = num_lanes() * SHARDS_PER_LANE if on_cpu() else 1
    return [shards[i : i + count] for i in range(0, len(shards), count)]


def _length(chunk):
    return chunk[2] - chunk[1]


def _finish(window, batches, vectors):
    sums, frames = [0.0] * len(window), [0] * len(window)
    for batch, rows in zip(batches, vectors, strict=True):
        for (i, first, stop), row in zip(batch, np.asarray(rows, np.float64), strict=True):
            sums[i] = sums[i] + row * (stop - first)
            frames[i] += stop - first
    for (key, _), total, count in zip(window, sums, frames, strict=True):
        yield key, (total / count).astype(np.float32) if count else None
