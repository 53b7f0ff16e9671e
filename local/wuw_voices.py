"""Doubtful calls of the WUW Corpus II by their voices: a rule that follows those of local/wuw_callers.py.

7. A pretrained model embeds each call as a whole, upsampled to its rate; the mean of all calls is subtracted. A call is
   doubtful if its cosine with every other call of its caller is below OTHER. If calls of two callers have a cosine of
   ALIKE or more, the caller with fewer calls is doubtful (of equally many, the later one).

The thresholds are far out: of 3D-Speaker's CAM++, 0.7 % of the pairs of one caller and 0.02 % of those of two are
beyond them. Trials chosen by a model are easier for it, and for models like it: say so where results are reported.
"""

import logging
from dataclasses import replace
from itertools import combinations

import numpy as np
from wuw_callers import calls_of

from nnet.audio.reading import convert_rate, read_audio
from nnet.model.embedder import load_model
from nnet.progress import progress

log = logging.getLogger(__name__)

OTHER, ALIKE = 0.2, 0.7


def doubt_voices(calls, audio, model):
    """Returns Calls, those with doubtful voices marked; `audio` holds CALL.wav, `model` is a model directory."""
    vectors = embed_calls([call.number for call in calls], audio, model)
    calls = doubt_other_voices(calls, vectors)
    return doubt_alike_voices(calls, vectors)


def embed_calls(numbers, audio, model):
    """Embeds calls: {number: unit vector (D,)}, after the mean of all was subtracted."""
    model = load_model(model)
    rate, vectors = model.front_end.sample_rate, []
    for number in progress(numbers, len(numbers), "voices of calls", "call"):
        samples, own_rate = read_audio(str(audio / f"{number}.wav"))
        vectors.append(model.embed(convert_rate(samples, own_rate, rate), rate))
    centered = np.array(vectors) - np.mean(vectors, axis=0)
    return dict(zip(numbers, centered / np.linalg.norm(centered, axis=1, keepdims=True), strict=True))


def doubt_other_voices(calls, vectors):
    """Marks calls whose voice is that of no other call of the caller's; `vectors`: {number: unit vector}."""
    others = {c.number: [o for o in own if o is not c] for own in calls_of(calls).values() for c in own}
    other_voice = {
        number
        for number, rest in others.items()
        if rest and max(vectors[number] @ vectors[other.number] for other in rest) < OTHER
    }
    return [replace(call, doubt="voice differs") if call.number in other_voice else call for call in calls]


def doubt_alike_voices(calls, vectors):
    """Marks callers whose voice is that of a caller with more calls."""
    callers = calls_of(calls)
    stacked = {caller: np.stack([vectors[call.number] for call in own]) for caller, own in callers.items()}
    order = sorted(callers, key=lambda caller: (-len(callers[caller]), caller))
    rival_of = {}
    for kept, other in combinations(order, 2):
        if kept not in rival_of and other not in rival_of and (stacked[kept] @ stacked[other].T).max() >= ALIKE:
            rival_of[other] = kept
    marked = {caller: f"voice near caller {kept}" for caller, kept in rival_of.items()}
    return [replace(call, doubt=call.doubt or marked.get(call.caller, "")) for call in calls]
