"""Extracts embeddings of utterances of any length.

Utterances are read in windows. Within a window, chunks of equal length form a batch, so no batch is padded and an
embedding does not depend on the other utterances; the next window is read while the current one is computed.
"""

import itertools

import numpy as np

from nnet.backend.embeddings import unit_length
from nnet.errors import InputError
from nnet.model.engine import engine_of

WINDOW = 64  # utterances per window
WINDOW_FRAMES = 400_000  # a window ends early with this many frames: 128 MB of 80 filter banks


def embed_utterances(
    model, utterances, chunk_size=10000, min_chunk_size=1, node=None, engine=None, overlap=0.0, normalize=False
):
    """Embeds a stream of utterances: the mean embedding of an utterance's chunks, weighted by their frames.

    Args:
        model: a SpeakerNet in eval mode.
        utterances: iterable of (key, features (T, F) float32).
        chunk_size, min_chunk_size: in frames; chunk_size -1: each utterance is one chunk.
        node: the endpoint to extract, one vector per utterance; None: the configured one.
        engine: computes the network, made by `nnet.model.engine.engine_of`; None: the fastest one for the device.
        overlap: share of a chunk that the next one covers again, at least 0 and below 1.
        normalize: scale the embedding of each chunk, and their mean, to length 1.

    Yields:
        (key, (D,) float32), in the order of the stream; (key, None) for an utterance with fewer frames than
        `min_chunk_size` or than the network needs.

    Raises:
        InputError: chunk_size is shorter than the network needs, node is not one vector per utterance, or an embedding
            holds NaN or infinity.
    """
    node, least = model.utterance_node(node), max(min_chunk_size, model.network.min_frames)
    if chunk_size != -1 and chunk_size < least:
        raise InputError(f"chunks of {chunk_size} frames are too short: at least {least}, or -1 for whole utterances")
    engine = engine or engine_of(model, node)
    pending = []
    for window in _windows(utterances):
        started = _start(engine, window, [chunks_of(len(f), chunk_size, least, overlap) for _, f in window])
        yield from _finish(engine, normalize, *pending) if pending else ()
        pending = (window, *started)
    yield from _finish(engine, normalize, *pending) if pending else ()


def embed_utterance(model, features, chunk_size=10000, min_chunk_size=1, **options):
    """Embeds one utterance: features (T, F) → (D,) float32, or None if it is too short; see `embed_utterances`."""
    return next(embed_utterances(model, [("", features)], chunk_size, min_chunk_size, **options))[1]


def chunks_of(num_frames, chunk_size, min_chunk_size, overlap=0.0):
    """Returns the chunks of an utterance as a list of (first, last + 1).

    As in Kaldi's nnet3-xvector-compute, a last chunk of less than `min_chunk_size` frames is dropped, and with
    chunk_size -1 the utterance is one chunk. With an overlap, chunks begin every (1 - overlap) · chunk_size frames
    until one reaches the end, as in tf-kaldi-speaker, whose overlap is 0.5.
    """
    if chunk_size == -1:
        chunk_size = max(num_frames, 1)
    step = max(1, round(chunk_size * (1 - overlap)))
    firsts = range(0, max(num_frames - chunk_size + step, min(num_frames, 1)), step)
    spans = [(first, min(first + chunk_size, num_frames)) for first in firsts]
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


def _start(engine, window, spans):
    """Starts the computation of a window: (batches, running computations); a batch lists (utterance, first, stop)."""
    chunks = [(i, *span) for i, own in enumerate(spans) for span in own]
    shards = []
    for frames, same_length in itertools.groupby(sorted(chunks, key=_length), key=_length):
        group, most = list(same_length), max(1, engine.chunk_frames // frames)
        shards += [group[i : i + most] for i in range(0, len(group), most)]
    batches, running = [], []
    for i in range(0, len(shards), engine.batch):
        batch = shards[i : i + engine.batch]
        running.append(engine.start([_stacked(window, shard) for shard in batch]))
        batches.append(list(itertools.chain(*batch)))
    return batches, running


def _stacked(window, shard):
    """Stacks the features of chunks of equal length: (B, T, F) float32."""
    return np.stack([window[i][1][first:stop] for i, first, stop in shard]).astype(np.float32, copy=False)


def _length(chunk):
    return chunk[2] - chunk[1]


def _finish(engine, normalize, window, batches, running):
    sums, frames = [0.0] * len(window), [0] * len(window)
    for batch, started in zip(batches, running, strict=True):
        for (i, first, stop), row in zip(batch, engine.finish(started).astype(np.float64), strict=True):
            sums[i] = sums[i] + (unit_length(row) if normalize else row) * (stop - first)
            frames[i] += stop - first
    for (key, _), total, count in zip(window, sums, frames, strict=True):
        if not np.isfinite(total).all():
            raise InputError(f"{key}: its embedding is not a number: features of this size overflow in the network")
        if not count:
            yield key, None
        else:
            yield key, (unit_length(total) if normalize else total / count).astype(np.float32)
