"""Names for the speakers of turns, from a gallery of enrolled voices."""

import collections
import dataclasses
import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from nnet.answers import Identification
from nnet.audio.recording import Recording
from nnet.diarization.rttm import NONE, Turn
from nnet.diarization.speech import joined
from nnet.errors import InputError
from nnet.feats.speech import seconds_of_speech
from nnet.files import AnyPath
from nnet.gallery import Gallery
from nnet.model.embedder import Embedder
from nnet.model.pieces import LEAST_SPEECH

MOST_SECONDS = 60.0  # of a speaker's turns that are embedded, the longest ones first


@dataclasses.dataclass(frozen=True)
class SpeakerSpeech:
    """Speech of one speaker of a recording.

    Attributes:
        vector: its embedding, float32 (D,); None if there is too little speech for one.
        seconds: of speech in it.
    """

    vector: np.ndarray | None
    seconds: float


def check_name(name: str, gallery: AnyPath) -> None:
    """Raises InputError for the name of a voice that cannot stand beside the numbers of speakers in an RTTM.

    These are digits alone, `<NA>`, and names with control characters or bytes that are not UTF-8. Blanks are in no
    name of a gallery.
    """
    unwritable = any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
    if unwritable or name == NONE or re.fullmatch("[0-9]+", name):
        raise InputError(
            f"{gallery}: {name!r} cannot name a speaker in an RTTM, whose unknown speakers are numbers; enroll this "
            f"voice under a name that is not of digits alone, not {NONE}, and without control characters"
        )


def embed_speakers(model: Embedder, recording: Recording, turns: Sequence[Turn]) -> dict[str, SpeakerSpeech]:
    """Embeds each speaker of a recording as a gallery embeds recordings, from where nobody else has a turn.

    Args:
        model: an Embedder.
        recording: a Recording at the model's sampling rate.
        turns: its turns.

    Returns:
        {speaker: SpeakerSpeech}, in the order of their first turns.
    """
    rate, spoken, samples = recording.sample_rate, {}, {}
    for speaker, spans in spans_alone(turns).items():
        places = np.round(longest(spans, MOST_SECONDS) * rate).astype(int)
        own = np.concatenate([np.zeros(0, np.float32), *(recording.read(*place) for place in places)])
        spoken[speaker] = seconds_of_speech(own, rate) if len(own) else 0.0
        if spoken[speaker] >= LEAST_SPEECH:
            samples[speaker] = own
    features = ((speaker, model.front_end(own, rate, recording.name)) for speaker, own in samples.items())
    vectors = dict(model.embed_features(features))
    return {speaker: SpeakerSpeech(vectors.get(speaker), seconds) for speaker, seconds in spoken.items()}


def name_speakers(
    gallery: Gallery, speech: dict[str, SpeakerSpeech], false_accept: float = 0.01, p_known: float = 0.5
) -> dict[str, Identification]:
    """Finds out who of a gallery the speakers of a recording are, as `Gallery.identify_clusters`.

    Returns:
        {speaker: Identification} of those who have an embedding.
    """
    known = {speaker: own for speaker, own in speech.items() if own.vector is not None}
    vectors = np.array([own.vector for own in known.values()])
    found = gallery.identify_clusters(vectors, [own.seconds for own in known.values()], false_accept, p_known)
    return dict(zip(known, found, strict=True))


def spans_alone(turns: Sequence[Turn]) -> dict[str, np.ndarray]:
    """Finds where each speaker alone has a turn: {speaker: spans (S, 2)}, in the order of their first turns."""
    events = sorted(
        [(turn.start, 1, turn.speaker) for turn in turns] + [(turn.end, -1, turn.speaker) for turn in turns]
    )
    spans: dict[str, list[tuple[float, float]]] = {}
    running: collections.Counter[str] = collections.Counter()
    before = 0.0
    for time, change, speaker in events:
        active = [name for name, count in running.items() if count > 0]
        if len(active) == 1 and time > before:
            spans[active[0]].append((before, time))
        spans.setdefault(speaker, [])
        running[speaker] += change
        before = time
    return {speaker: joined(np.array(own).reshape(-1, 2)) for speaker, own in spans.items()}


def longest(spans: np.ndarray, seconds: float) -> np.ndarray:
    """Chooses the longest of spans (S, 2), of so many seconds together at most, in the order of time.

    The end of the last one chosen is cut off if it would be too much.
    """
    order = np.argsort(spans[:, 0] - spans[:, 1], kind="stable")
    kept = spans[order]
    lengths = kept[:, 1] - kept[:, 0]
    room = np.clip(seconds - (np.cumsum(lengths) - lengths), 0, lengths)
    kept[:, 1] = kept[:, 0] + room
    kept = kept[room > 0]
    return kept[np.argsort(kept[:, 0])]
