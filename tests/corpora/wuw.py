"""A small tree in the layout of the WUW Corpus II; the names are made up."""

import hashlib
import json

from .speech import voice
from .sphere import mulaw_bytes

RATE = 8000
FIRST = ("anna", "boris", "clara", "dorian", "emilia", "gustav", "hedwig", "igor", "jolanda", "konrad")
LAST = ("quendel", "rosenbaum", "schachtelhalm", "tannenzapf", "ulmenblatt", "veilchen", "wermut", "zitterpappel")


def call(said, speaker, sex="male", phone="landlinephone", seconds=1.5, numbers=range(11)):
    """A call of make_wuw: what the caller said, the voice, and which utterances there are."""
    return {"said": said, "speaker": speaker, "sex": sex, "phone": phone, "seconds": seconds, "numbers": numbers}


def made_up(speaker):
    """A name that is far from those of the other speakers: 0 to 79."""
    return f"{FIRST[speaker % 10]} {LAST[(speaker // 10 + speaker) % 8]}"


def make_wuw(root, calls):
    """Writes `root/data.json` and `root/calls/CALL/WUWIICALL_NUMBER.ulaw` of calls made by `call`, in order."""
    entries = []
    for place, made in enumerate(calls):
        folder = root / "calls" / f"{place:05d}"
        folder.mkdir(parents=True)
        for number in made["numbers"]:
            path = folder / f"WUWII{place:05d}_{number:03d}.ulaw"
            samples = voice(made["speaker"], made["seconds"], [place, number], RATE)
            path.write_bytes(mulaw_bytes(samples).tobytes())
            entries.append(
                {
                    "gender": made["sex"],
                    "phonetype": made["phone"],
                    "sessionNumber": f"{place:05d}",
                    "utteranceNumber": f"{number:03d}",
                    "filePath": str(path.relative_to(root)),
                    "checksum": hashlib.md5(path.read_bytes()).hexdigest(),
                    "transcription": made["said"] if number == 0 else "a word",
                }
            )
    (root / "data.json").write_text(json.dumps({"entries": entries}))
    return root
