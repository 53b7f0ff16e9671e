"""The files of the WUW Corpus II: CORPUS/data.json, and CORPUS/calls/CALL/WUWIICALL_UTTERANCE.ulaw.

data.json has an entry for each utterance: call (sessionNumber), utterance (utteranceNumber: 000 the caller's name, 001
to 005 keywords, 006 to 010 sentences), phone, sex, transcription, path and MD5 sum. The audio is µ-law at 8 kHz without
header.
"""

import hashlib
import logging
from collections import Counter, namedtuple
from pathlib import Path

import numpy as np
import soundfile

from nnet.errors import InputError
from nnet.files import read_json
from nnet.progress import progress

log = logging.getLogger(__name__)

RATE = 8000
SHORTEST = 0.5  # seconds; a few files are stubs of some bytes
PHONES = {"landlinephone": "landline", "cellphone": "cell", "speakerphone": "speaker"}
COLUMNS = ("sessionNumber", "utteranceNumber", "gender", "phonetype", "transcription", "filePath", "checksum")
SPEAKS_NAME = "000"

Utterance = namedtuple("Utterance", "call number sex phone said path checksum")
Utterance.__doc__ = "An entry of data.json: sex is m or f, phone a value of PHONES, path relative to the corpus."


def read_corpus(corpus):
    """Reads data.json: Utterances in the order of calls and numbers.

    Raises:
        InputError: no data.json, an entry without a column, or a call without a known sex or phone.
    """
    path = Path(corpus) / "data.json"
    if not path.is_file():
        raise InputError(f"{path}: missing; --corpus is the folder of the repository wake-up-word/wuw-corpus-ii")
    content = read_json(path)
    entries = content.get("entries") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path}: no list of entries; get the corpus again")
    utterances = {}
    for place, entry in enumerate(entries, 1):
        missing = [c for c in COLUMNS if not isinstance(entry, dict) or not isinstance(entry.get(c), str)]
        if missing:
            raise InputError(f"{path}: entry {place}: no {missing[0]}; get the corpus again")
        found = Utterance(*(entry[column] for column in COLUMNS))
        if found.phone not in PHONES:
            raise InputError(f"{path}: {found.path}: unknown phonetype {found.phone!r}")
        if utterances.setdefault((found.call, found.number), found) is not found:
            raise InputError(f"{path}: entry {place}: {found.path} has an entry already")
    return _by_call([utterances[key] for key in sorted(utterances)], path)


def _by_call(utterances, path):
    """Gives all utterances of a call its most frequent sex and phone (one cell of the corpus has a misprint)."""
    votes = {}
    for utterance in utterances:
        votes.setdefault(utterance.call, []).append((utterance.sex, utterance.phone))
    most = {call: Counter(pairs).most_common(1)[0][0] for call, pairs in votes.items()}
    unknown = next((call for call, (sex, _) in most.items() if sex not in ("male", "female")), None)
    if unknown:
        raise InputError(f"{path}: call {unknown}: unknown gender {most[unknown][0]!r}")
    return [u._replace(sex=most[u.call][0][0], phone=PHONES[most[u.call][1]]) for u in utterances]


def read_samples(corpus, utterance):
    """Reads an utterance, int16 (n,), and checks it.

    Raises:
        InputError: missing, or not the file that data.json describes.
    """
    path = Path(corpus) / utterance.path
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; get the corpus again") from error
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != utterance.checksum:
        raise InputError(f"{path}: damaged: its MD5 sum is not that of data.json; get the corpus again")
    if not content:
        return np.empty(0, np.int16)
    raw = {"samplerate": RATE, "channels": 1, "format": "RAW", "subtype": "ULAW"}
    return soundfile.read(path, dtype="int16", **raw)[0]


def write_calls(corpus, utterances, folder):
    """Writes a WAV of µ-law for each call: its utterances one after another. Short ones are left out, and counted.

    Returns:
        {call: {number: (start, end)}}, in seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    of_call, places, short = {}, {}, []
    for utterance in utterances:
        of_call.setdefault(utterance.call, []).append(utterance)
    for call, own in progress(of_call.items(), len(of_call), "calls", "call"):
        parts, end, places[call] = [], 0, {}
        for utterance in own:
            samples = read_samples(corpus, utterance)
            if len(samples) < SHORTEST * RATE:
                short.append(utterance.path)
                continue
            parts.append(samples)
            places[call][utterance.number] = (end / RATE, (end + len(samples)) / RATE)
            end += len(samples)
        if parts:
            soundfile.write(folder / f"{call}.wav", np.concatenate(parts), RATE, format="WAV", subtype="ULAW")
    if short:
        log.warning("%d utterances shorter than %g s are left out: %s", len(short), SHORTEST, " ".join(short))
    return places
