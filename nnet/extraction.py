"""Embeddings of utterances of any length."""

import numpy as np

from nnet.compute import mx


def chunks_of(num_frames, chunk_size, min_chunk_size):
    """The parts (first, last + 1) in which an utterance is read: whole chunks, and a rest that is not too short.

    The rest joins the last chunk's neighbourhood only if it has `min_chunk_size` frames, as in Kaldi's
    nnet3-xvector-compute; the frames of a shorter one are left out.
    """
    starts = range(0, num_frames, chunk_size)
    spans = [(s, min(s + chunk_size, num_frames)) for s in starts]
    return [(a, b) for a, b in spans if b - a >= min_chunk_size]


def embed_utterance(model, features, chunk_size=10000, min_chunk_size=1, node=None):
    """One embedding: the mean over the chunks, weighted by their frames.

    Args:
        model: a SpeakerNet in eval mode.
        features: (T, F), float32.
        chunk_size, min_chunk_size: in frames.
        node: the endpoint to take; None: the model's own.

    Returns:
        (D,) float32, or None for an utterance with fewer frames than `min_chunk_size` or than the network needs.
    """
    spans = chunks_of(len(features), chunk_size, max(min_chunk_size, model.network.min_frames))
    if not spans:
        return None
    total = 0.0
    for first, last in spans:
        vector = model.extract(mx.array(features[None, first:last]), node)
        total = total + np.asarray(vector[0], np.float64) * (last - first)
    return (total / sum(last - first for first, last in spans)).astype(np.float32)
