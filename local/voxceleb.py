"""VoxCeleb on disk: recordings of both corpora, their speakers, and utterance ids.

Nagrani, Chung, Zisserman, "VoxCeleb: a large-scale speaker identification dataset", 2017 (VoxCeleb1); Chung, Nagrani,
Zisserman, "VoxCeleb2: deep speaker recognition", 2018. Layouts:

    VoxCeleb1 by id      [dev|test/]wav/id10270/5r0dWxy17C8/00001.wav
    VoxCeleb1 by name    voxceleb1_wav/Eartha_Kitt/x6uYqmx31kE_0000001.wav         (the first release)
    VoxCeleb2            dev/aac/id00012/21Uxsk56VDQ/00001.m4a, or wav already converted: .../00001.wav

Folders above the speaker's and the case of speaker ids and extensions are ignored.
"""

import re
import shlex
import shutil
from collections import namedtuple
from pathlib import Path

from inventory import Inventory

from nnet.errors import InputError
from nnet.files import read_text

# Speakers, videos, utterances and hours, as the corpora's pages and papers give them.
Size = namedtuple("Size", "speakers sessions utterances hours")
DOCUMENTED = {
    "vox1_dev": Size(1211, 21819, 148642, 340.4),
    "vox1_test": Size(40, 677, 4874, 11.2),
    "vox2_dev": Size(5994, 145569, 1092009, 2360.2),
    "vox2_test": Size(118, 4911, 36237, 79.9),
}
FORMATS = ("wav", "flac", "m4a")  # in order of preference
BY_ID = re.compile(r"(?:^|.*/)(?P<speaker>id\d{5})/(?P<video>[\w-]{11})/(?P<number>\d{5})\.(?P<format>\w+)", re.I)
BY_NAME = re.compile(r"(?:^|.*/)(?P<speaker>[^/]+)/(?P<video>[\w-]{11})_(?P<number>\d{7})\.(?P<format>\w+)", re.I)
WHAT = {
    "vox1": "VoxCeleb1 (wav/id10270/VIDEO/00001.wav, or voxceleb1_wav/NAME/VIDEO_0000001.wav)",
    "vox2": "VoxCeleb2 (dev/aac/id00012/VIDEO/00001.m4a, or the same in wav)",
}

Person = namedtuple("Person", "name gender part")
Recording = namedtuple("Recording", "utterance speaker part path format")


class Speakers:
    """Speakers of vox1_meta.csv and vox2_meta.csv: {id: Person}; missing files are skipped.

    Columns, separated by tabs (VoxCeleb1) or commas (VoxCeleb2): id, name in VGGFace, gender, [nationality,] set.
    """

    def __init__(self, paths):
        self.people, self.files = {}, [p for p in paths if p.is_file()]
        for path in self.files:
            self.people.update(_read_meta(path))
        self._ids = {person.name: speaker for speaker, person in self.people.items()}

    def id_of(self, name):
        """Returns the id of a speaker's name, or None."""
        return self._ids.get(name)

    def of(self, corpus, part):
        """Returns the ids of one part of "vox1" or "vox2"."""
        return {s for s, person in self.people.items() if corpus_of(s) == corpus and person.part == part}


def _read_meta(path):
    text = read_text(path).removeprefix("\ufeff")  # some copies start with a byte order mark
    lines = [line for line in text.splitlines() if line.strip()] or [""]
    separator = "\t" if "\t" in lines[0] else ","
    rows = [[cell.strip() for cell in line.split(separator)] for line in lines]
    header = [cell.lower() for cell in rows[0]]
    if "gender" not in header or "set" not in header:
        raise InputError(f"{path}:1: expected columns id, name, gender and set, found {lines[0]!r}")
    gender, part = header.index("gender"), header.index("set")
    short = next((n for n, row in enumerate(rows, 1) if len(row) < len(header)), None)
    if short:
        raise InputError(f"{path}:{short}: {len(rows[short - 1])} columns, expected {len(header)}")
    return {row[0].lower(): Person(row[1], row[gender].lower(), row[part].lower()) for row in rows[1:]}


def corpus_of(speaker):
    """Returns the corpus of a speaker id: VoxCeleb1's start at id10001, VoxCeleb2's end at id09272."""
    return "vox1" if speaker >= "id10001" else "vox2"


def utterance_of(path, speakers):
    """Parses a path, on disk or in a trial list, as (utterance, speaker); None if it does not match."""
    match = BY_ID.fullmatch(path)
    if match:
        speaker = match["speaker"].lower()
    else:
        match = BY_NAME.fullmatch(path)
        speaker = match and speakers.id_of(match["speaker"])
    return (f"{speaker}-{match['video']}-{match['number']}", speaker) if speaker else None


def find_recordings(root, corpus, speakers):
    """Finds the recordings of one corpus.

    Returns:
        `({utterance: Recording}, Inventory)`.

    Raises:
        InputError: no recordings, those of the other corpus, names without vox1_meta.csv, or no ffmpeg for m4a.
    """
    inventory = Inventory(root, WHAT[corpus])
    copies, unnamed = {}, []
    for path in inventory.files():
        ending = path.rpartition(".")[2].lower()
        match = ending in FORMATS and (BY_ID.fullmatch(path) or BY_NAME.fullmatch(path))
        found = match and utterance_of(path, speakers)
        if match and not found:
            unnamed.append(path)
            inventory.skip(path, "speaker's name is not in vox1_meta.csv")
        elif not match:
            inventory.skip_other(path, [f".{f}" for f in FORMATS])
        elif not (inventory.root / path).stat().st_size:
            inventory.skip(path, "empty file")
        else:
            part = _part(path, found[1], speakers)
            copies.setdefault(found[0], []).append(Recording(*found, part, str(inventory.root / path), ending))
    if unnamed and not copies:
        raise InputError(f"{root}: {unnamed[0]} is of the release by name, which needs vox1_meta.csv in --trials-dir")
    inventory.refuse_empty(copies)
    _refuse_other_corpus(root, corpus, copies)
    recordings = _choose(copies, inventory)
    _need_ffmpeg(root, recordings)
    return recordings, inventory


def _part(path, speaker, speakers):
    """Returns "dev" or "test" from the meta file, the forty test speakers of VoxCeleb1, or the folders."""
    if speaker in speakers.people:
        return speakers.people[speaker].part
    if corpus_of(speaker) == "vox1":
        return "test" if "id10270" <= speaker <= "id10309" else "dev"
    return "test" if "test" in path.lower().split("/") else "dev"


def _refuse_other_corpus(root, corpus, copies):
    others = [u for u, (first, *_) in copies.items() if corpus_of(first.speaker) != corpus]
    if others:
        other = {"vox1": "VoxCeleb2", "vox2": "VoxCeleb1"}[corpus]
        raise InputError(
            f"{root}: --{corpus} must contain {WHAT[corpus]}, but {len(others)} of its {len(copies)} recordings are of "
            f"{other}, such as {others[0]}"
        )


def _choose(copies, inventory):
    """Selects one file per utterance, and the release by id if both are present."""
    by_id = {u for u in copies if len(u.rpartition("-")[2]) == 5}
    recordings = {}
    for utterance, found in copies.items():
        best = min(found, key=lambda r: (FORMATS.index(r.format), r.path))
        if by_id and utterance not in by_id:
            best = None
        else:
            recordings[utterance] = best
        for recording in found:
            if recording is not best:
                inventory.skip(str(Path(recording.path).relative_to(inventory.root)), _why_not(recording, best))
    return recordings


def _why_not(recording, best):
    if best is None:
        return "release by name beside the one by id"
    if recording.format != best.format:
        return f"{recording.format} beside {best.format}"
    return "second copy"


def _need_ffmpeg(root, recordings):
    count = sum(r.format == "m4a" for r in recordings.values())
    if count and not shutil.which("ffmpeg"):
        raise InputError(
            f"{root}: {count} recordings are m4a, which needs ffmpeg in PATH; install it "
            "(Debian: apt install ffmpeg; macOS: brew install ffmpeg), or convert them to wav"
        )


def wav_entry(recording):
    """Returns the wav.scp entry: the file, or a command that decodes it."""
    if recording.format != "m4a":
        return recording.path
    return f"ffmpeg -v error -i {shlex.quote(recording.path)} -f wav -ac 1 -ar 16000 - |"
