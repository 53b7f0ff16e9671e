"""Pieces of recordings with their embeddings: what a calibration by duration is trained on."""

import dataclasses
import itertools
import logging

import numpy as np

from nnet.audio.reading import iter_utterances
from nnet.backend.embeddings import unit_length
from nnet.errors import InputError
from nnet.feats.speech import seconds_of_speech
from nnet.progress import progress

log = logging.getLogger(__name__)

LENGTHS = 2.0 ** (np.arange(9) / 2)  # of pieces, in seconds: 1 to 16
LEAST_SPEECH = 0.5  # seconds of speech in a piece
PER_RECORDING, PER_SPEAKER, MOST_SPEAKERS = 4, 12, 1000
PASSES = 3  # over the recordings of a speaker, each with other lengths
BATCH = 64


@dataclasses.dataclass(frozen=True)
class Pieces:
    """Embedded pieces of recordings.

    Attributes:
        vectors: float32 (P, D), of length 1.
        seconds: float64 (P,), of speech.
        speaker: int (P,).
        recording: int (P,).
        start, stop: float64 (P,), place in the recording, in seconds.
    """

    vectors: np.ndarray
    seconds: np.ndarray
    speaker: np.ndarray
    recording: np.ndarray
    start: np.ndarray
    stop: np.ndarray

    def __len__(self):
        return len(self.seconds)

    def of_speakers(self, speakers):
        """The pieces of some speakers, given by their numbers."""
        kept = np.isin(self.speaker, speakers)
        return Pieces(*(getattr(self, field.name)[kept] for field in dataclasses.fields(self)))


def embed_pieces(model, data, seed=0):
    """Cuts pieces of 1 to 16 s from the recordings of a data directory, and embeds them.

    Lengths are drawn evenly on a logarithmic scale; at most 12 pieces of a speaker, and 1,000 speakers, are used.

    Args:
        model: an Embedder.
        data: a DataDir with wav.scp and utt2spk.
        seed: of the choice of lengths, recordings and speakers.

    Returns:
        Pieces, without those of less than half a second of speech.
    """
    rng = np.random.default_rng(seed)
    speakers = sorted(data.spk2utt)
    if len(speakers) > MOST_SPEAKERS:
        log.info("%s: %d of its %d speakers are used", data.path, MOST_SPEAKERS, len(speakers))
        speakers = sorted(rng.choice(speakers, MOST_SPEAKERS, replace=False))
    numbers = {utterance: number for number, utterance in enumerate(data.utt2spk)}
    rows, vectors, dropped = [], [], 0
    cut = _cut(progress(speakers, label=f"pieces of {data.path}", unit="speaker"), data, numbers, rng)
    while batch := list(itertools.islice(cut, BATCH)):
        spoken = [(piece, seconds_of_speech(*piece[-2:])) for piece in batch]
        kept = [(piece, seconds) for piece, seconds in spoken if seconds >= LEAST_SPEECH]
        dropped += len(batch) - len(kept)
        rows += [(seconds, *piece[:-2]) for piece, seconds in kept]
        vectors += model.embed_batch([piece[-2:] for piece, _ in kept]) if kept else []
    if dropped:
        log.info("%s: %d pieces have less than %g s of speech: left out", data.path, dropped, LEAST_SPEECH)
    if not rows:
        raise InputError(f"{data.path}: no recording has {LENGTHS[0]:g} s of speech")
    seconds, speaker, recording, start, stop = map(np.array, zip(*rows, strict=True))
    return Pieces(unit_length(np.stack(vectors)), seconds, speaker, recording, start, stop)


def _cut(speakers, data, numbers, rng):
    """Yields (speaker, recording, start, stop, samples, rate)."""
    for speaker, name in enumerate(speakers):
        utterances = list(rng.permutation(data.spk2utt[name]))
        wanted = (utterances * PASSES)[:PER_SPEAKER]
        pieces = 0
        for utterance, samples, rate in iter_utterances(data, utterances=wanted):
            for first, last in _spans(len(samples) / rate, rng)[: PER_SPEAKER - pieces]:
                pieces += 1
                part = samples[int(first * rate) : int(last * rate)]
                yield speaker, numbers[utterance], first, last, part, rate
            if pieces == PER_SPEAKER:
                break


def _spans(seconds, rng):
    """Draws up to PER_RECORDING consecutive pieces of a recording: [(start, stop), ...] in seconds."""
    spans, start = [], 0.0
    while len(spans) < PER_RECORDING and seconds - start >= LENGTHS[0]:
        length = rng.choice(LENGTHS[seconds - start >= LENGTHS])
        spans.append((start, start + length))
        start += length
    return spans


def target_pairs(pieces):
    """Pairs of pieces of one speaker, from different recordings.

    Where fewer than half of the speakers have two recordings, from different places of one recording as well: these
    are easier than what a user will compare.

    Returns:
        (i, j, whether the pairs are from different recordings only); i and j: int (K,), indices of pieces.
    """
    i, j = _same_speaker(pieces.speaker)
    apart = pieces.recording[i] != pieces.recording[j]
    across = np.unique(pieces.speaker[i[apart]])
    if 2 * len(across) >= len(np.unique(pieces.speaker)):
        return i[apart], j[apart], True
    apart |= (pieces.start[i] >= pieces.stop[j]) | (pieces.start[j] >= pieces.stop[i])
    return i[apart], j[apart], False


def _same_speaker(speaker):
    order = np.argsort(speaker, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(speaker[order])) + 1)
    pairs = [group[np.stack(np.triu_indices(len(group), 1))] for group in groups]
    return np.concatenate(pairs, axis=1)


def nontarget_pairs(pieces, most, seed=0):
    """Up to `most` random pairs of pieces of different speakers: (i, j), each int (K,)."""
    rng = np.random.default_rng(seed)
    i, j = (
        np.triu_indices(len(pieces), 1) if len(pieces) ** 2 <= 4 * most else rng.integers(len(pieces), size=(2, most))
    )
    other = np.flatnonzero(pieces.speaker[i] != pieces.speaker[j])
    if len(other) > most:
        other = rng.choice(other, most, replace=False)
    return i[other], j[other]
