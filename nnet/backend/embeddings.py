"""Embeddings of a set, as the folder `embeddings_SET` holds them, and who is enrolled."""

import dataclasses
import logging
import os

import numpy as np

from nnet.errors import InputError
from nnet.kaldi.tables import read_numbers
from nnet.kaldi.vectors import read_vectors

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Embeddings:
    """Named rows.

    Attributes:
        path: where they were read, for messages.
        ids: list of N identifiers.
        vectors: float32 or float64 (N, D), finite.
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
        """{identifier: row}."""
        return {key: i for i, key in enumerate(self.ids)}

    def select(self, ids):
        """Some of them, in the order of `ids`; one that is not there is an InputError."""
        return Embeddings(self.path, list(ids), self.vectors[self.rows(ids)])

    def rows(self, ids):
        """int (len(ids),): where they stand; one that is not there is an InputError."""
        positions = self.positions()
        missing = [key for key in ids if key not in positions]
        if missing:
            raise InputError(f'{self.path}: has no embedding of "{missing[0]}"{_and_others(len(missing) - 1)}')
        return np.array([positions[key] for key in ids], int)


@dataclasses.dataclass(frozen=True)
class Enrollment:
    """Who can be asked for on the enroll side of a trial: embeddings and, (N,), of how many each one is the mean."""

    embeddings: Embeddings
    num_utts: np.ndarray

    def select(self, ids):
        """Some of them, in the order of `ids`."""
        return Enrollment(self.embeddings.select(ids), self.num_utts[self.embeddings.rows(ids)])


def read_embeddings(path):
    """Reads an archive of vectors (.scp, .ark, or an rspecifier).

    Raises:
        InputError: no entry, dimensions that differ, values that are not finite; the entry is named.
    """
    ids, vectors = read_vectors(path)
    _refuse_unusable(path, ids, vectors)
    return Embeddings(str(path), ids, vectors)


def read_utterances(folder):
    """The utterance embeddings of a folder, from its xvector.scp."""
    return read_embeddings(_existing(folder, "xvector.scp"))


def read_speakers(folder):
    """The speaker means of a folder as an Enrollment, from spk_xvector.scp and num_utts.ark."""
    speakers = read_embeddings(_existing(folder, "spk_xvector.scp"))
    path = os.path.join(folder, "num_utts.ark")
    if not os.path.exists(path):
        log.warning("%s is missing: each speaker of %s counts as one utterance", path, speakers.path)
        return Enrollment(speakers, np.ones(len(speakers), int))
    return Enrollment(speakers, _lookup_counts(path, speakers.ids))


def read_enrollment(folder, spk2utt=None):
    """Speakers and single utterances of a folder, so that the enroll side of a trial can name either.

    Args:
        folder: holds xvector.scp, spk_xvector.scp and num_utts.ark, or one of the two sets.
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
    """An Enrollment of the means of utterances; an utterance without an embedding is an InputError."""
    rows = utterances.positions()
    for model, members in spk2utt.items():
        missing = [utterance for utterance in members if utterance not in rows]
        if missing:
            raise InputError(f'{utterances.path}: has no embedding of "{missing[0]}", which enrolls "{model}"')
    means = list(speaker_means(spk2utt, lambda utterance: utterances.vectors[rows[utterance]]))
    vectors = np.array([mean for _, mean, _ in means])
    return Enrollment(Embeddings(utterances.path, list(spk2utt), vectors), np.array([count for _, _, count in means]))


def speaker_means(spk2utt, read):
    """Yields (speaker, mean of its embeddings float64 (D,), how many they are), one speaker after the other.

    Args:
        spk2utt: {speaker: [utterances]}; none is empty.
        read: gives the embedding (D,) of an utterance.
    """
    for speaker, utterances in spk2utt.items():
        vectors = np.stack([read(utterance) for utterance in utterances])
        yield speaker, vectors.mean(axis=0, dtype=np.float64), len(vectors)


def labelled(embeddings, utt2spk, path):
    """The embeddings whose speaker is known, and numbers for their speakers.

    Args:
        embeddings: Embeddings of utterances.
        utt2spk: {utterance: speaker}.
        path: its file, for messages.

    Returns:
        (vectors (N', D), labels int (N',)) with labels from 0 to S - 1; embeddings without a speaker and utterances
        without an embedding are counted in the log.
    """
    rows = [i for i, key in enumerate(embeddings.ids) if key in utt2spk]
    if not rows:
        raise InputError(f'{path}: lists none of the utterances of {embeddings.path}, such as "{embeddings.ids[0]}"')
    unlabelled, unembedded = len(embeddings) - len(rows), len(utt2spk) - len(rows)
    if unlabelled:
        log.warning("%s: %d embeddings are left out, %s lists no speaker for them", embeddings.path, unlabelled, path)
    if unembedded:
        log.warning("%s: %d utterances have no embedding in %s", path, unembedded, embeddings.path)
    _, labels = np.unique([utt2spk[embeddings.ids[i]] for i in rows], return_inverse=True)
    return embeddings.vectors[rows] if unlabelled else embeddings.vectors, labels


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
        raise InputError(f'{path}: has no number of utterances for "{missing[0]}"{_and_others(len(missing) - 1)}')
    low = [key for key in ids if counts[key] < 1]
    if low:
        raise InputError(f'{path}: "{low[0]}" has {counts[low[0]]} utterances; at least 1 is expected')
    return np.array([counts[key] for key in ids])


def _and_others(count):
    return f" and {count} other{'s' if count > 1 else ''}" if count else ""


def _existing(folder, name):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        raise InputError(f"{path}: no such file; is {folder} a folder of embeddings?")
    return path


def _refuse_unusable(path, ids, vectors):
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise InputError(f'{path}: {len(bad)} embeddings hold NaN or infinite values, such as "{ids[bad[0]]}"')
