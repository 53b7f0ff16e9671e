"""Simulated conversations: who speaks when, from recordings of single speakers.

A conversation is a sequence of turns, as in Landini et al., "From simulated mixtures to simulated conversations as
training data for end-to-end neural diarization", Interspeech 2022, with the distributions of the constants below. The
interval between two speakers has its peak at a fifth of a second and often is an overlap, as Heldner and Edlund found
("Pauses, gaps and overlaps in conversations", Journal of Phonetics 38, 2010).
"""

import dataclasses

import numpy as np

TALK = 3.0  # concentration of the Dirichlet distribution of the shares of turns: how evenly speakers take part
TURN_SECONDS, TURN_SPREAD = 3.0, 0.8  # log-normal: median of a turn, and standard deviation of its logarithm
HOLD = 0.2  # probability that a speaker goes on after a pause
PAUSE, PAUSE_MEAN = 0.3, 0.7  # s: shortest pause between turns of a speaker, and mean of the exponential beyond it
GAP, GAP_SCALE = 0.2, 0.5  # s: Laplace distribution of the interval between two speakers; below 0: an overlap
INTERRUPT = 0.1  # probability that a turn begins anywhere in the one before instead
LEAD = 0.2  # s: by which a turn begins later than the one before, at least
LEVEL_DB = 3.0  # standard deviation of the speakers' levels
MARGIN = 0.5, 2.0  # s: silence before and after a conversation, uniform

FRAME = 0.01  # s: of the detection of speech in the recordings
BELOW_LEVEL, ABOVE_FLOOR = 30.0, 6.0  # dB: speech is less below the loud frames, and more above the quiet ones
SHORTEST_PAUSE, SHORTEST_PHRASE, EDGE = 0.3, 0.1, 0.05  # s: pauses that count, phrases that count, added at both ends


def phrases(samples, rate):
    """Finds the speech of a recording with little noise by its energy.

    The level of each 10-ms frame is compared with the 95th and the 5th percentile. Pauses of less than 0.3 s belong to
    the phrase, as in NIST's references.

    Args:
        samples: (n,).
        rate: Hz.

    Returns:
        [(start, end), ...] in samples; empty if there is no speech.
    """
    size = round(FRAME * rate)
    frames = samples[: len(samples) // size * size].reshape(-1, size).astype(float)
    if not len(frames):
        return []
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    quiet, loud = np.percentile(level, (5, 95))
    speech = np.flatnonzero(level > max(loud - BELOW_LEVEL, quiet + ABOVE_FLOOR))
    if not len(speech):
        return []
    breaks = np.flatnonzero(np.diff(speech) - 1 >= SHORTEST_PAUSE / FRAME)
    firsts, lasts = speech[np.r_[0, breaks + 1]], speech[np.r_[breaks, -1]]
    found = [(a, b + 1) for a, b in zip(firsts, lasts, strict=True) if b + 1 - a >= SHORTEST_PHRASE / FRAME]
    edge = round(EDGE * rate)
    return [(max(0, int(a) * size - edge), min(len(samples), int(b) * size + edge)) for a, b in found]


class Voice:
    """What a speaker has to say: his recordings in random order, phrase by phrase, each once.

    Args:
        recordings: functions that return (samples (n,), [(start, end), ...] of the phrases).
        rng: a numpy Generator.
    """

    def __init__(self, recordings, rng):
        self._recordings = [recordings[i] for i in rng.permutation(len(recordings))]
        self._samples, self._phrases = None, []

    def say(self, length):
        """Takes the next consecutive phrases of a recording, until they have `length` samples or the recording ends.

        Returns:
            (samples (n,) scaled to a power of 1 where there is speech, [(start, end), ...] of the phrases in them), or
            None if everything is said.
        """
        while not self._phrases:
            if not self._recordings:
                return None
            samples, self._phrases = self._recordings.pop()()
            self._samples = samples / rms_of(samples, self._phrases) if self._phrases else samples
        first = self._phrases[0][0]
        count = next((n for n, (_, end) in enumerate(self._phrases, 1) if end - first >= length), len(self._phrases))
        taken, self._phrases = self._phrases[:count], self._phrases[count:]
        return self._samples[first : taken[-1][1]], [(start - first, end - first) for start, end in taken]


def rms_of(samples, intervals):
    """Root mean square of the samples within intervals [(start, end), ...]."""
    energy = sum(float(np.sum(np.square(samples[start:end], dtype=float))) for start, end in intervals)
    return np.sqrt(energy / sum(end - start for start, end in intervals)) or 1.0


@dataclasses.dataclass(frozen=True)
class Utterance:
    """A turn at `start`, in samples, with the samples (n,) and the phrases [(start, end), ...] in them."""

    speaker: str
    start: int
    samples: np.ndarray
    phrases: list

    @property
    def end(self):
        """Where it ends, in samples."""
        return self.start + len(self.samples)


def converse(voices, seconds, rate, rng):
    """Lets speakers talk to each other: first each of them once, in random order, then as the constants above say.

    Args:
        voices: {speaker: Voice}.
        seconds: when the last turn begins, at the latest; earlier if all is said.
        rate: Hz.
        rng: a numpy Generator.

    Returns:
        (list of Utterance in the order of their starts, length of the conversation in samples).
    """
    names = sorted(voices)
    shares = dict(zip(names, rng.dirichlet(np.full(len(names), TALK)), strict=True))
    opening = [names[i] for i in rng.permutation(len(names))]
    said, ends, last = [], dict.fromkeys(names, 0), None
    while shares and (last is None or last.end < seconds * rate):
        speaker = opening.pop() if opening else _next_speaker(shares, last.speaker, rng)
        turn = voices[speaker].say(TURN_SECONDS * np.exp(TURN_SPREAD * rng.normal()) * rate)
        if turn is None:
            del shares[speaker]
            continue
        start = max(_start(speaker, last, len(turn[0]), rate, rng), ends[speaker])
        said.append(Utterance(speaker, start, *turn))
        ends[speaker] = said[-1].end + round(PAUSE * rate)
        last = max(last or said[-1], said[-1], key=lambda turn: turn.end)
    tail = round(rng.uniform(*MARGIN) * rate)
    return sorted(said, key=lambda turn: turn.start), max((turn.end for turn in said), default=0) + tail


def _next_speaker(shares, last, rng):
    """Draws who speaks next: with probability HOLD the same, else another by the shares."""
    others = [name for name in shares if name != last]
    if not others or (last in shares and rng.random() < HOLD):
        return last if last in shares else next(iter(shares))
    weights = np.array([shares[name] for name in others])
    return others[rng.choice(len(others), p=weights / weights.sum())]


def _start(speaker, last, length, rate, rng):
    """Draws the start, in samples, of a turn of `length` samples after the turn `last`."""
    if last is None:
        return round(rng.uniform(*MARGIN) * rate)
    if last.speaker == speaker:
        return last.end + round((PAUSE + rng.exponential(PAUSE_MEAN)) * rate)
    earliest = last.start + round(LEAD * rate)
    if rng.random() < INTERRUPT:
        return int(rng.integers(earliest, max(last.end, earliest + 1)))
    return max(earliest, last.end + round(rng.laplace(GAP, GAP_SCALE) * rate))
