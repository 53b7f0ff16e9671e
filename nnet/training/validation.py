"""Evaluates a model during training: loss and accuracy on validation batches, EER on a development set."""

import numpy as np

from nnet.backend.embeddings import unit_length
from nnet.losses.none import NoLoss
from nnet.metrics import eer, error_rates
from nnet.model.extraction import embed_utterances
from nnet.ops import mx
from nnet.ops.gradients import inference

MAX_EMBEDDINGS = 1000  # all pairs of these make half a million trials


def validate(model, batches):
    """Computes mean loss, with the term of distillation, and accuracy, without margins and auxiliary losses.

    A loss on pairs counts the chunks whose speaker has others in the batch.

    Args:
        model: a SpeakerNet with its loss attached.
        batches: iterable of (features (B, T, F), labels (B,)), with distillation also a teacher's targets.

    Returns:
        (loss, accuracy); (None, None) without batches or pairs, and where auxiliary losses alone train the model
    """
    model.eval()
    loss = correct = count = 0.0
    for features, labels, *taught in batches:
        with inference():
            kept = {}
            result = model.loss(model.train_forward(mx.array(features), kept)[0], mx.array(labels))
            term = model.distillation(kept, *map(mx.array, taught)).item() if taught else 0.0
        counted = _counted(labels, model.loss.min_segments_per_speaker)
        loss += (result.loss.item() + term) * counted
        correct += result.accuracy.item() * counted
        count += counted
    if not count or (isinstance(model.loss, NoLoss) and not taught):
        return None, None
    return loss / count, correct / count


def _counted(labels, needed):
    """Returns the number of chunks whose speaker has at least `needed` of them in the batch."""
    chunks = np.unique(labels, return_counts=True)[1]
    return int(chunks[chunks >= needed].sum())


def development_eer(model, utterances):
    """Computes the EER, in percent, of cosine scores between all pairs of utterances.

    Args:
        model: a SpeakerNet.
        utterances: list of (speaker, features (T, F)); at most MAX_EMBEDDINGS of them, evenly spaced, are used.

    Returns:
        the EER; None without target or without nontarget pairs
    """
    model.eval()
    utterances = utterances[:: -(-len(utterances) // MAX_EMBEDDINGS)] if utterances else []
    kept = [(speaker, vector) for speaker, vector in embed_utterances(model, utterances) if vector is not None]
    if len(kept) < 2:
        return None
    embeddings = unit_length(np.stack([vector for _, vector in kept]).astype(np.float64))
    speakers = np.unique([speaker for speaker, _ in kept], return_inverse=True)[1]
    first, second = np.triu_indices(len(kept), k=1)
    scores = (embeddings @ embeddings.T)[first, second]
    target = speakers[first] == speakers[second]
    if target.all() or not target.any():
        return None
    return 100 * eer(error_rates(scores, target))
