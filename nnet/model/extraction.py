"""Extracts embeddings of utterances of any length.

Utterances are read in windows, a very long one in several. Within a window, chunks of equal length form a batch, so no
batch is padded and an embedding does not depend on the other utterances; the next window is read while the current one
is computed (by ONNX Runtime, if that one has as many chunks as there are threads).
"""

import functools
import itertools
from collections import namedtuple

import numpy as np

from nnet.backend.embeddings import unit_length
from nnet.errors import InputError
from nnet.model.engine import engine_of

Piece = namedtuple("Piece", "key features chunks last")
Piece.__doc__ = "Some chunks (first, last + 1) of an utterance, rows (T, F), and whether they are its last ones."

WINDOW = 64  # utterances per window
WINDOW_FRAMES = 400_000  # a window ends early with this many frames: 128 MB of 80 filter banks


def embed_utterances(
    model, utterances, chunk_size=10000, min_chunk_size=1, node=None, engine=None, overlap=0.0, normalize=False
):
    """Embeds a stream of utterances: the mean embedding of an utterance's chunks, weighted by their frames.

    Args:
        model: a SpeakerNet in eval mode.
        utterances: iterable of (key, features, rows (T, F) float32).
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
    chunks = []  # of the current utterance: (frames, vector)
    spans = functools.partial(chunks_of, chunk_size=chunk_size, min_chunk_size=least, overlap=overlap)
    for piece, vectors in _computed(engine, _windows(utterances, spans)):
        chunks += vectors
        if piece.last:
            yield piece.key, _mean(piece.key, chunks, normalize)
            chunks = []


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


def _windows(utterances, spans):
    window, frames = [], 0
    for piece in itertools.chain.from_iterable(_pieces(*one, spans) for one in utterances):
        window.append(piece)
        frames += sum(map(_length, piece.chunks))
        if len(window) == WINDOW or frames >= WINDOW_FRAMES:
            yield window
            window, frames = [], 0
    if window:
        yield window


def _pieces(key, features, spans):
    """Yields the chunks of an utterance in pieces of about WINDOW_FRAMES frames; at least one piece."""
    chunks = spans(len(features))
    most = max(1, WINDOW_FRAMES // max(map(_length, chunks), default=1))  # chunks of a piece
    for first in range(0, max(1, len(chunks)), most):
        yield Piece(key, features, chunks[first : first + most], first + most >= len(chunks))


def _computed(engine, windows):
    """Yields each piece with [(frames, vector)] of its chunks, while the next window is computed."""
    pending = []
    for window in windows:
        started = _start(engine, window)
        yield from _finish(engine, *pending) if pending else ()
        pending = (window, *started)
    yield from _finish(engine, *pending) if pending else ()


def _start(engine, window):
    """Starts the computation of a window: (batches, running computations); a batch lists (piece, (first, stop))."""
    chunks = [(i, chunk) for i, piece in enumerate(window) for chunk in piece.chunks]
    shards = []
    for frames, same_length in itertools.groupby(sorted(chunks, key=_length_of), key=_length_of):
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
    return np.stack([window[i].features[first:stop] for i, (first, stop) in shard]).astype(np.float32, copy=False)


def _length(chunk):
    return chunk[1] - chunk[0]


def _length_of(numbered):
    return _length(numbered[1])


def _finish(engine, window, batches, running):
    found = [[] for _ in window]
    for batch, started in zip(batches, running, strict=True):
        for (i, chunk), row in zip(batch, engine.finish(started).astype(np.float64), strict=True):
            found[i].append((_length(chunk), row))
    return zip(window, found, strict=True)


def _mean(key, chunks, normalize):
    """Returns the mean of vectors weighted by their frames, (D,) float32; None without chunks."""
    if not chunks:
        return None
    frames, rows = zip(*sorted(chunks, key=lambda chunk: chunk[0]), strict=True)
    rows = map(unit_length, rows) if normalize else rows
    total = sum(row * count for count, row in zip(frames, rows, strict=True))
    if not np.isfinite(total).all():
        raise InputError(f"{key}: its embedding is not a number: features of this size overflow in the network")
    return (unit_length(total) if normalize else total / sum(frames)).astype(np.float32)
