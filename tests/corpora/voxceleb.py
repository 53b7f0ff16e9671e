"""Small trees in the layouts of VoxCeleb1 and VoxCeleb2, with the oddities that real copies have."""

import hashlib
import itertools
from pathlib import Path

from .speech import voice, write_wav

VOX1_TEST = ("id10270", "id10271", "id10272", "id10273")
VOX1_DEV = ("id10001", "id10002", "id10310", "id10311")
NAMES = dict(
    zip(
        VOX1_TEST + VOX1_DEV,
        ("Eartha_Kitt", "Ed_Westwick", "Eddie_Griffin", "Eddie_Izzard")
        + ("A.J._Buckley", "A.R._Rahman", "Fares_Fares", "Faye_Dunaway"),
        strict=True,
    )
)
LIST_FILES = {
    "O": "veri_test.txt",
    "O-clean": "veri_test2.txt",
    "E": "list_test_all.txt",
    "E-clean": "list_test_all2.txt",
    "H": "list_test_hard.txt",
    "H-clean": "list_test_hard2.txt",
}


def video(speaker, number):
    """Eleven characters as YouTube has them; some begin with a dash."""
    return ("-" if number == 1 else "") + hashlib.md5(f"{speaker} {number}".encode()).hexdigest()[: 11 - (number == 1)]


def make_vox1(root, videos=2, utterances=2, seconds=2.0, by_name=False):
    """VoxCeleb1: `root/wav/ID/VIDEO/NUMBER.wav` with vox1_meta.csv; or its first release.

    Returns:
        {speaker: the paths as trial lists name them}.
    """
    paths = {}
    for speaker, v, u in itertools.product(VOX1_TEST + VOX1_DEV, range(videos), range(1, utterances + 1)):
        name = (
            f"{NAMES[speaker]}/{video(speaker, v)}_{u:07d}.wav"
            if by_name
            else f"{speaker}/{video(speaker, v)}/{u:05d}.wav"
        )
        folder = root / ("voxceleb1_wav" if by_name else "wav")
        write_wav(folder / name, voice(int(speaker[2:]), seconds, 10 * v + u))
        paths.setdefault(speaker, []).append(name)
    write_meta(root)
    (root / "readme.txt").write_text("VoxCeleb1\n")
    return paths


def write_meta(root):
    lines = ["VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet"]
    for number, (speaker, name) in enumerate(sorted(NAMES.items())):
        lines.append(f"{speaker}\t{name}\t{'mf'[number % 2]}\tUSA\t{'test' if speaker in VOX1_TEST else 'dev'}")
    (root / "vox1_meta.csv").write_text("\n".join(lines) + "\n")


def make_lists(folder, paths):
    """The six lists: pairs of the test speakers' recordings in O, of all speakers' in E and H."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in LIST_FILES.items():
        speakers = [s for s in paths if s in VOX1_TEST] if name[0] == "O" else list(paths)
        pairs = itertools.combinations([(s, p) for s in speakers for p in paths[s]], 2)
        lines = [f"{int(a == b)} {one} {two}" for (a, one), (b, two) in pairs]
        (folder / file).write_text("\n".join(lines[: -1 if name.endswith("clean") else None]) + "\n")


def make_vox2(root, speakers=8, videos=4, utterances=2, seconds=2.0, ending="wav"):
    """VoxCeleb2: `root/dev/aac/ID/VIDEO/NUMBER.m4a` (or .wav), one test speaker, vox2_meta.csv.

    An m4a here holds a WAV: what stands in for ffmpeg copies it.

    Returns:
        the utterances of the development part.
    """
    made, lines = [], ["VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set "]
    for number in range(speakers + 1):
        speaker, part = f"id{12 + number:05d}", "test" if number == speakers else "dev"
        lines.append(f"{speaker} ,n{number:06d} ,{'mf'[number % 2]} ,{part} ")
        for v, u in itertools.product(range(videos), range(1, utterances + 1)):
            path = root / part / "aac" / speaker / video(speaker, v) / f"{u:05d}.{ending}"
            write_wav(path, voice(number, seconds, 10 * v + u))
            if part == "dev":
                made.append(f"{speaker}-{video(speaker, v)}-{u:05d}")
    (root / "vox2_meta.csv").write_text("\n".join(lines) + "\n")
    return made


def fake_ffmpeg(folder):
    """A program `ffmpeg` that copies the file behind -i to its output; returns the folder to put into PATH."""
    path = Path(folder) / "ffmpeg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('#!/bin/sh\nwhile [ "$1" != -i ]; do shift; done\nexec cat "$2"\n')
    path.chmod(0o755)
    return path.parent
