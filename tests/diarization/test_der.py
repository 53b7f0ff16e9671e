"""Diarization and Jaccard error rates: cases by hand, and pyannote.metrics on random recordings."""

import dataclasses
import warnings

import numpy as np
import pytest

from nnet.audio.seeds import generator
from nnet.diarization.der import DiarizationErrors, compare_turns
from nnet.diarization.rttm import Turn


def turns(text):
    """Turns from "speaker start end, ...", in seconds."""
    words = [turn.split() for turn in text.split(",") if turn.strip()]
    return [Turn("r", float(start), float(end), speaker) for speaker, start, end in words]


def errors(reference, hypothesis, **options):
    return compare_turns(turns(reference), turns(hypothesis), **options).errors


def parts(errors):
    return errors.scored, errors.missed, errors.false_alarm, errors.confusion


# Reference, hypothesis, options; then scored, missed, false alarm, confusion in seconds, and the Jaccard error rate.
CASES = [
    ("a 0 10", "x 2 12", {}, (10, 2, 2, 0), 1 - 8 / 12),
    ("a 0 10, b 10 14", "x 0 14", {}, (14, 0, 0, 4), (1 - 10 / 14 + 1) / 2),
    ("a 0 10, b 5 10", "x 0 10", {}, (15, 5, 0, 0), (0 + 1) / 2),
    ("a 0 10, b 5 10", "x 0 10", {"overlap": False}, (5, 0, 0, 0), 0),
    ("a 0 10", "x 0 10, y 5 10", {}, (10, 0, 5, 0), 0),
    ("a 1 10", "x 0.75 10.25", {"collar": 0.25}, (8.5, 0, 0, 0), 0),
    ("a 1 10", "x 0.5 10.25", {"collar": 0.25}, (8.5, 0, 0.25, 0), 1 - 8.5 / 8.75),
    ("a 1 1.4, a 5 10", "x 1 10", {"collar": 0.25}, (4.5, 0, 3.1, 0), 1 - 4.5 / 7.6),
    ("a 0 10", "x 0 10", {"regions": [(2, 4), (3, 5), (20, 30)]}, (3, 0, 0, 0), 0),
    ("a 0 10", "x 0 10, y 12 15", {"regions": [(0, 13)]}, (10, 0, 1, 0), 0),
    ("a 0 10", "", {}, (10, 10, 0, 0), 1),
    ("", "x 0 10", {}, (0, 0, 10, 0), 1),
    ("", "", {}, (0, 0, 0, 0), 1),
    ("a 0 6, a 4 10", "x 0 10", {}, (10, 0, 0, 0), 0),  # one speaker speaks once, as in md-eval
    ("a 0 10", "x 0 6, x 4 10, x 4 10", {}, (10, 0, 0, 0), 0),
    ("a 0 6, a 4 10", "x 0 10", {"overlap": False}, (8, 0, 0, 0), 0),
]


@pytest.mark.parametrize("reference, hypothesis, options, expected, jer", CASES)
def test_cases_by_hand(reference, hypothesis, options, expected, jer):
    found = errors(reference, hypothesis, **options)
    assert parts(found) == pytest.approx(expected, abs=1e-12)
    assert found.jer == pytest.approx(jer, abs=1e-12)
    wrong = sum(expected[1:])
    assert found.der == pytest.approx(wrong / expected[0] if expected[0] else float(wrong > 0))


def test_assigns_the_speakers_that_share_the_most_speech():
    comparison = compare_turns(turns("a 0 10, b 10 30"), turns("x 0 2, y 2 25, z 25 30, w 40 41"))
    assert comparison.assignment == {"x": "a", "y": "b"}
    assert comparison.errors.confusion == 8 + 5


def test_speakers_are_counted_within_the_regions():
    found = errors("a 0 10, b 20 30", "x 0 10, y 0 1, z 20 30", regions=[(0, 15)])
    assert (found.reference_speakers, found.hypothesis_speakers, found.right_number) == (1, 2, 0)
    assert errors("a 0 10, b 0 0.3", "x 0 1, y 5 6", collar=0.25).right_number == 1  # collars hide nobody


def test_sums_over_recordings():
    one, two = errors("a 0 10", "x 0 5"), errors("a 0 30, b 0 10", "x 0 30")
    total = one + two
    assert parts(total) == (50, 15, 0, 0) and total.der == 15 / 50
    assert total.jer == (0.5 + 0 + 1) / 3
    assert (total.recordings, total.right_number, total.reference_speakers, total.hypothesis_speakers) == (2, 1, 3, 2)
    assert sum([one, two], DiarizationErrors()) == total
    assert [type(value) for value in dataclasses.astuple(total)] == [type(v) for v in dataclasses.astuple(one)]


def test_times_that_differ_by_rounding_make_no_error():
    found = errors("a 0.1 0.3, b 0.3 0.7", f"x 0.1 {0.1 + 0.2!r}, y {0.1 + 0.2!r} {0.1 + 0.6!r}")
    assert parts(found)[1:] == (0, 0, 0)


def test_a_long_meeting():
    """Two hours, twenty speakers, ten thousand turns: matrices of events, not of frames."""
    rng = np.random.default_rng(0)
    starts = np.cumsum(rng.uniform(0.3, 1.1, 10000))
    found = [Turn("r", t, t + 1.0, f"s{n}") for t, n in zip(starts, rng.integers(20, size=len(starts)), strict=True)]
    moved = [Turn("r", t.start + 0.1, t.end + 0.1, f"h{t.speaker}") for t in found]
    errors = compare_turns(found, moved, collar=0.25).errors
    assert errors.confusion == pytest.approx(0, abs=1e-9) and errors.scored_speakers == 20 and errors.der < 0.05


def random_turns(rng, names):
    """A few turns of each speaker, which may overlap those of others but not their own."""
    found = []
    for name in names:
        time = rng.uniform(0, 10)
        for _ in range(rng.integers(1, 10)):
            duration = rng.exponential(3) + 0.05
            found.append(Turn("r", time, time + duration, name))
            time += duration + rng.exponential(8)
    return found


def random_pair(name, kind):
    """A reference and a hypothesis; some kinds are empty, equal, of one speaker, or have turns twice."""
    rng = generator(0, name)
    reference = random_turns(rng, "abcdef"[: rng.integers(1, 7)])
    hypothesis = random_turns(rng, [f"h{n}" for n in range(rng.integers(1, 13))])
    if kind == 0:
        reference = []
    elif kind == 1:
        hypothesis = []
    elif kind == 2:
        hypothesis = [Turn("r", t.start, t.end, f"h{t.speaker}") for t in reference]
    elif kind == 3:
        hypothesis = [dataclasses.replace(t, end=t.end + 0.2 * rng.normal() ** 2) for t in reference]
        hypothesis = hypothesis[::2] + hypothesis[::3]  # the same turns twice, and turns that overlap their own
    elif kind == 4:
        reference = [dataclasses.replace(t, speaker="a") for t in reference]
    return reference, hypothesis


def cut(turns):
    """The same speech with each speaker's turns cut where they begin or end, and each piece once."""
    pieces = set()
    for turn in turns:
        times = {t for other in turns if other.speaker == turn.speaker for t in (other.start, other.end)}
        times = sorted(t for t in times if turn.start <= t <= turn.end)
        pieces |= {Turn("r", a, b, turn.speaker) for a, b in zip(times, times[1:], strict=False)}
    return sorted(pieces, key=lambda t: (t.start, t.speaker))


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("collar", [0.0, 0.25])
def test_equals_pyannote_metrics(collar, overlap):
    pytest.importorskip("pyannote.metrics")
    for number in range(75):
        reference, hypothesis = random_pair(f"{collar} {overlap} {number}", number % 12)
        if number % 12 == 4 and not overlap:
            continue  # where a speaker overlaps himself, cutting changes what overlaps
        regions = [(3.1, 20.0), (25.0, 60.0)] if number % 5 == 0 else None
        found = compare_turns(reference, hypothesis, collar, overlap, regions).errors
        expected = by_pyannote(cut(reference), cut(hypothesis), collar, overlap, regions)
        values = [*parts(found), found.der, found.jer, found.scored_speakers, found.right_number]
        assert values == pytest.approx(expected, abs=1e-6), (number, regions)


def by_pyannote(reference, hypothesis, collar, overlap, regions):
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics import diarization

    sides = []
    for side in (reference, hypothesis):
        sides.append(Annotation(uri="r"))
        for number, turn in enumerate(side):
            sides[-1][Segment(turn.start, turn.end), number] = turn.speaker
    uem = Timeline([Segment(*region) for region in regions]) if regions else None
    options = {"collar": 2 * collar, "skip_overlap": not overlap}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no UEM
        der = diarization.DiarizationErrorRate(**options)(*sides, uem=uem, detailed=True)
        jer = diarization.JaccardErrorRate(**options)(*sides, uem=uem, detailed=True)
        cropped = [side.crop(uem) if uem else side for side in sides]
    names = "total", "missed detection", "false alarm", "confusion", "diarization error rate"
    same_number = len(cropped[0].labels()) == len(cropped[1].labels())
    return [*(der[name] for name in names), jer["jaccard error rate"], jer["speaker count"], int(same_number)]
