"""The trial lists of VoxCeleb1: finds, reads and converts them to our utterance ids.

O has the test speakers; E all 1251 speakers, and H their hard pairs (same gender and nationality), so both contain
speakers of VoxCeleb1's development part. "clean" excludes recordings with wrong labels. A line is
`1 id10270/x6uYqmx31kE/00001.wav id10270/8jEAjG6SegY/00008.wav`, 1 for a target.
"""

import logging
from collections import namedtuple
from pathlib import Path

from voxceleb import utterance_of

from nnet.datadir.directory import examples
from nnet.errors import InputError
from nnet.kaldi.tables import read_lines

log = logging.getLogger(__name__)

TrialList = namedtuple("TrialList", "file size")
LISTS = {
    "O": TrialList("veri_test.txt", 37720),
    "O-clean": TrialList("veri_test2.txt", 37611),
    "E": TrialList("list_test_all.txt", 581480),
    "E-clean": TrialList("list_test_all2.txt", 579818),
    "H": TrialList("list_test_hard.txt", 552536),
    "H-clean": TrialList("list_test_hard2.txt", 550894),
}
OLD_NAMES = {"O": ("voxceleb1_test_v2.txt", "voxceleb1_test.txt")}  # names in OpenSLR 49; the last list is by name


def allowed_lists(names, trained_on_vox1):
    """Returns the lists of `names` whose speakers are not in the training set; warns about the others."""
    unknown = [n for n in names if n not in LISTS]
    if unknown:
        raise InputError(f"--lists: unknown list {unknown[0]}; known: {' '.join(LISTS)}")
    if not trained_on_vox1:
        return names
    left = [n for n in names if n.startswith("O")]
    if len(left) < len(names):
        log.warning(
            "lists %s are skipped: they contain speakers of VoxCeleb1's development part, which is used for training",
            " ".join(n for n in names if n not in left),
        )
    if not left:
        raise InputError("--lists: E and H contain training speakers of VoxCeleb1's development part; use O")
    return left


def find_list(name, folders):
    """Finds a list in the folders, or in their subfolders meta."""
    candidates = (LISTS[name].file, *OLD_NAMES.get(name, ()))
    for file in candidates:
        for folder in folders:
            for path in (Path(folder) / file, Path(folder) / "meta" / file):
                if path.is_file():
                    return path
    raise InputError(
        f"{LISTS[name].file} (trial list {name}) is neither in {' nor in '.join(map(str, folders))}; set its folder "
        "with --trials-dir, or use other --lists"
    )


def read_list(path, speakers):
    """Reads a list as [(enroll, test, is_target)], in our utterance ids.

    Raises:
        InputError: a malformed line, or a name that is not in vox1_meta.csv.
    """
    ids = {}
    trials = []
    for number, line in read_lines(path):
        words = line.split()
        if not words:
            continue
        if len(words) != 3 or words[0] not in ("0", "1"):
            raise InputError(f"{path}:{number}: expected `1 id10270/VIDEO/00001.wav id10270/VIDEO/00002.wav`")
        for word in words[1:]:
            if word not in ids:
                found = utterance_of(word, speakers)
                if not found:
                    raise InputError(
                        f"{path}:{number}: {word} is not a recording of VoxCeleb1, by id or by a known name"
                    )
                ids[word] = found[0]
        trials.append((ids[words[1]], ids[words[2]], words[0] == "1"))
    return trials


def check_size(name, path, trials):
    """Warns if the length of a list differs from its documentation."""
    if len(trials) != LISTS[name].size:
        log.warning("%s: %d trials; VoxCeleb1's list %s has %d", path, len(trials), name, LISTS[name].size)


def with_audio(path, trials, recordings, root, max_missing):
    """Returns the trials for which both recordings exist.

    Args:
        path: of the list, for messages.
        trials: result of read_list.
        recordings: existing utterances.
        root: folder of the corpus, for messages.
        max_missing: share of the list's recordings that may be missing.

    Raises:
        InputError: more are missing, because the list is of another release or the corpus is incomplete.
    """
    named = {utterance for enroll, test, _ in trials for utterance in (enroll, test)}
    missing = named - recordings.keys()
    if missing == named:
        raise InputError(
            f"{path}: none of its {len(named)} recordings is under {root}: expected {min(named)}, found "
            f"{min(recordings)}; the list is of another release, or the corpus is not VoxCeleb1's test part"
        )
    if len(missing) > max_missing * len(named):
        raise InputError(
            f"{path}: {len(missing)} of its {len(named)} recordings are not under {root}, such as {examples(missing)}; "
            "unpack all parts of the corpus, use fewer --lists, or allow it: --max-missing "
            f"{len(missing) / len(named) + 0.0005:.3f}"
        )
    kept = [t for t in trials if t[0] not in missing and t[1] not in missing]
    if missing:
        log.warning(
            "%s: %d recordings are missing (%s); %d of %d trials are skipped, so results are not comparable",
            path, len(missing), examples(missing), len(trials) - len(kept), len(trials),
        )  # fmt: skip
    return kept
