"""What a gallery answers: about an enrollment, who somebody is, whether it is a certain speaker."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Enrollment:
    """What became of an enrollment.

    Attributes:
        name: of the speaker.
        recordings: how many the voice has now.
        seconds: of speech in all of them.
        agreement: the lowest probability, of all pairs of recordings, that both are of one speaker; None for a single
            recording.
        lacking: what would make the enrollment better, a sentence each.
    """

    name: str
    recordings: int
    seconds: float
    agreement: float | None
    lacking: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Match:
    """How a recording compares with an enrolled voice.

    Attributes:
        name: of the voice.
        cosine: of the embeddings.
        log_ratio: natural log-likelihood ratio of the same and of different speakers.
        probability: that it is this speaker, given the prior and everybody enrolled.
    """

    name: str
    cosine: float
    log_ratio: float
    probability: float


@dataclasses.dataclass(frozen=True)
class Identification:
    """Who a recording is of.

    Attributes:
        name: of the speaker; None: nobody known.
        best: the enrolled voice that matches best.
        second: the next one; None if there is only one.
        margin: how much larger the log-likelihood ratio of the best is than that of the second; None without a second.
        false_accept: probability that the recording of an unknown speaker matches somebody in the gallery this well.
        seconds: of speech in the recording.
    """

    name: str | None
    best: Match
    second: Match | None
    margin: float | None
    false_accept: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class Verification:
    """Whether a recording is of a certain speaker.

    Attributes:
        accepted: the decision.
        match: how it compares with this speaker's voice.
        false_accept: probability that the recording of another speaker matches this voice so well.
        seconds: of speech in the recording.
    """

    accepted: bool
    match: Match
    false_accept: float
    seconds: float
