"""Embeddings of a set, read from `embeddings_SET`, and enrollment models."""

import dataclasses
import logging
import os

import numpy as np

from nnet.errors import InputError
from nnet.kaldi.tables import read_numbers
from nnet.kaldi.trial_pairs import LARGEST
from nnet.kaldi.vectors import read_vectors

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Embeddings:
    """Embeddings with their ids.

    Attributes:
        path: file they were read from, for messages.
        ids: list of N ids.
        vectors: float32 or float64 (N, D), within LARGEST.
    """

    path: str
    ids: list
    vectors: np.ndarray

    def __len__(self):
        return len(self.ids)

    @property
    def dim(self):
        return self.vectors.shape[1]

    def positions(self):
        """Returns {id: row}."""
        return {key: i for i, key in enumerate(self.ids)}

    def select(self, ids):
        """Returns the Embeddings of `ids`, in that order; raises InputError for an unknown id."""
        return Embeddings(self.path, list(ids), self.vectors[self.rows(ids)])

    def rows(self, ids):
        """Returns the rows of `ids`, int (len(ids),); raises InputError for an unknown id."""
        positions = self.positions()
        missing = [key for key in ids if key not in positions]
        if missing:
            raise InputError(f'{self.path}: no embedding of "{missing[0]}"{_and_others(len(missing) - 1)}')
        return np.array([positions[key] for key in ids], int)


@dataclasses.dataclass(frozen=True)
class Enrollment:
    """Enrollment models: embeddings and, int (N,), the number of utterances each one is the mean of."""

    embeddings: Embeddings
    num_utts: np.ndarray

    def select(self, ids):
        """Returns the Enrollment of `ids`, in that order; raises InputError for an unknown id."""
        return Enrollment(self.embeddings.select(ids), self.num_utts[self.embeddings.rows(ids)])


def read_embeddings(path):
    """Reads an archive of vectors (.scp, .ark, or an rspecifier).

    Raises:
        InputError: no entry, different dimensions, or values that are not finite; names the entry.
    """
    ids, vectors = read_vectors(path)
    _refuse_unusable(path, ids, vectors)
    return Embeddings(str(path), ids, vectors)


def read_utterances(folder):
    """Reads the utterance embeddings of a directory from xvector.scp."""
    return read_embeddings(_existing(folder, "xvector.scp"))


def read_speakers(folder):
    """Reads the speaker means of a directory, spk_xvector.scp and num_utts.ark, as an Enrollment."""
    speakers = read_embeddings(_existing(folder, "spk_xvector.scp"))
    path = os.path.join(folder, "num_utts.ark")
    if not os.path.exists(path):
        log.warning("%s is missing: each speaker of %s counts as one utterance", path, speakers.path)
        return Enrollment(speakers, np.ones(len(speakers), int))
    return Enrollment(speakers, _lookup_counts(path, speakers.ids))


def read_enrollment(folder, spk2utt=None):
    """Reads speakers and single utterances of a directory; the enroll side of a trial may be either.

    Args:
        folder: contains spk_xvector.scp and num_utts.ark, xvector.scp, or both.
        spk2utt: {model: [utterances]} to enroll instead; each model is the mean of its utterances.
    """
    if spk2utt is not None:
        return average(read_utterances(folder), spk2utt)
    has_speakers = os.path.exists(os.path.join(folder, "spk_xvector.scp"))
    has_utterances = os.path.exists(os.path.join(folder, "xvector.scp"))
    if not has_speakers:
        utterances = read_utterances(folder)
        return Enrollment(utterances, np.ones(len(utterances), int))
    speakers = read_speakers(folder)
    return _with_utterances(speakers, read_utterances(folder)) if has_utterances else speakers


def average(utterances, spk2utt):
    """Averages utterances into an Enrollment; raises InputError for an utterance without an embedding."""
    if not spk2utt:
        raise InputError("the list of enrollment utterances (spk2utt) contains no models")
    rows = utterances.positions()
    for model, members in spk2utt.items():
        missing = [utterance for utterance in members if utterance not in rows]
        if missing:
            raise InputError(f'{utterances.path}: no embedding of "{missing[0]}", an utterance of the model "{model}"')
    means = list(speaker_means(spk2utt, lambda utterance: utterances.vectors[rows[utterance]]))
    vectors = np.array([mean for _, mean, _ in means])
    return Enrollment(Embeddings(utterances.path, list(spk2utt), vectors), np.array([count for _, _, count in means]))


def unit_length(vectors):
    """Scales vectors (..., D) to length 1; zero stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)


def speaker_means(spk2utt, read):
    """Yields (speaker, mean of its embeddings float64 (D,), number of utterances).

    Args:
        spk2utt: {speaker: [utterances]}, no list empty.
        read: function from an utterance to its embedding (D,).
    """
    for speaker, utterances in spk2utt.items():
        vectors = np.stack([read(utterance) for utterance in utterances])
        yield speaker, vectors.mean(axis=0, dtype=np.float64), len(vectors)


def labeled(embeddings, utt2spk, path):
    """Selects the embeddings with a known speaker and assigns integer speaker labels.

    Args:
        embeddings: Embeddings of utterances.
        utt2spk: {utterance: speaker}.
        path: file of utt2spk, for messages.

    Returns:
        (vectors (N', D), labels int (N',)) with labels from 0 to S - 1; embeddings without a speaker and utterances
        without an embedding are counted in the log.
    """
    rows = [i for i, key in enumerate(embeddings.ids) if key in utt2spk]
    if not rows:
        raise InputError(f'{path}: contains none of the utterances of {embeddings.path}, such as "{embeddings.ids[0]}"')
    unlabeled, unembedded = len(embeddings) - len(rows), len(utt2spk) - len(rows)
    if unlabeled:
        log.warning("%s: ignored %d embeddings without a speaker in %s", embeddings.path, unlabeled, path)
    if unembedded:
        log.warning("%s: %d utterances have no embedding in %s", path, unembedded, embeddings.path)
    _, labels = np.unique([utt2spk[embeddings.ids[i]] for i in rows], return_inverse=True)
    return embeddings.vectors[rows] if unlabeled else embeddings.vectors, labels


def _with_utterances(speakers, utterances):
    known = set(speakers.embeddings.ids)
    extra = [i for i, key in enumerate(utterances.ids) if key not in known]
    if utterances.dim != speakers.embeddings.dim:
        raise InputError(
            f"{speakers.embeddings.path}: has {speakers.embeddings.dim} dimensions, "
            f"but {utterances.path} has {utterances.dim}"
        )
    ids = speakers.embeddings.ids + [utterances.ids[i] for i in extra]
    vectors = np.concatenate([speakers.embeddings.vectors, utterances.vectors[extra]])
    counts = np.concatenate([speakers.num_utts, np.ones(len(extra), int)])
    return Enrollment(Embeddings(speakers.embeddings.path, ids, vectors), counts)


def _lookup_counts(path, ids):
    counts = read_numbers(path, int)
    missing = [key for key in ids if key not in counts]
    if missing:
        raise InputError(f'{path}: no number of utterances for "{missing[0]}"{_and_others(len(missing) - 1)}')
    low = [key for key in ids if counts[key] < 1]
    if low:
        raise InputError(f'{path}: "{low[0]}" has {counts[low[0]]} utterances, must be at least 1')
    return np.array([counts[key] for key in ids])


def _and_others(count):
    return f" and {count} other{'s' if count > 1 else ''}" if count else ""


def _existing(folder, name):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        raise InputError(f"{path}: no such file; is {folder} a directory of embeddings?")
    return path


def _refuse_unusable(path, ids, vectors):
    bad = np.flatnonzero(~(np.maximum(vectors.max(axis=1), -vectors.min(axis=1)) <= LARGEST))
    if len(bad):
        raise InputError(
            f'{path}: {len(bad)} embeddings contain NaN, infinite or excessive values, such as "{ids[bad[0]]}"'
        )
