"""Makes the data directories train and test of VoxCeleb, and the trial lists test/trials_O, test/trials_O-clean, ...

The training set is VoxCeleb2's development part (--vox2), with --train-vox2-test true its test part as well, and with
--train-vox1 true VoxCeleb1's development part; then only the lists O are prepared, as E and H contain its speakers.
Utterance ids are SPEAKER-VIDEO-NUMBER; without the number they are sessions. DATA/skipped_vox1 and DATA/skipped_vox2
list unused files with the reason.
"""

import logging
from pathlib import Path

from corpus import write_tables
from voxceleb import DOCUMENTED, Speakers, find_recordings, wav_entry
from voxceleb_trials import LISTS, allowed_lists, check_size, find_list, read_list, with_audio

from nnet.bin.cli import boolean, number, parser, run
from nnet.datadir.directory import examples
from nnet.errors import InputError
from nnet.files import make_directory, remove_file
from nnet.kaldi.trials import write_trials

log = logging.getLogger(__name__)

SETS = ("train", "test")


def main(argv=None):
    args = make_parser().parse_args(argv)
    if args.documented:
        print(documented(args))
        return
    if not (args.vox1 and args.data):
        raise InputError("--vox1 DIR and DATA are required: the trials are recordings of VoxCeleb1")
    sets = args.sets.split()
    unknown = next((name for name in sets if name not in SETS), None)
    if unknown or not sets:
        raise InputError(f"--sets: {unknown!r} is none of {', '.join(SETS)}")
    if "train" in sets and not (args.vox2 or args.train_vox1):
        raise InputError("no training data: use --vox2 DIR, or --train-vox1 true for VoxCeleb1's development part")
    names = allowed_lists(args.lists.split(), args.train_vox1)
    beside = [path for root in (args.vox1, args.vox2) if root for path in (root, Path(root).absolute().parent)]
    folders = [args.trials_dir, *beside] if args.trials_dir else beside
    speakers = Speakers([p for f in folders for n in ("vox1_meta.csv", "vox2_meta.csv")
                         for p in (Path(f) / n, Path(f) / "meta" / n)])  # fmt: skip
    data = Path(args.data)
    make_directory(data)
    vox1 = read_corpus(args.vox1, "vox1", speakers, data) if "test" in sets or args.train_vox1 else {}
    if "train" in sets:
        write_set(data / "train", training_set(args, vox1, speakers, data), speakers)
    if "test" in sets:
        write_tests(args, names, folders, vox1, speakers)


def training_set(args, vox1, speakers, data):
    """Returns the recordings to train on: {utterance: Recording}."""
    training = {u: r for u, r in vox1.items() if r.part == "dev"} if args.train_vox1 else {}
    if args.train_vox1:
        check_complete(args.vox1, "vox1", speakers, training, args.max_missing)
    if args.vox2:
        vox2 = read_corpus(args.vox2, "vox2", speakers, data)
        for part in ("dev", "test") if args.train_vox2_test else ("dev",):
            of_part = {u: r for u, r in vox2.items() if r.part == part}
            check_complete(args.vox2, "vox2", speakers, of_part, args.max_missing, part)
            training |= of_part
    return training


def make_parser():
    options = parser(__doc__)
    options.add_argument("--vox1", metavar="DIR", help="VoxCeleb1, the release by id or by name")
    options.add_argument("--vox2", metavar="DIR", help="VoxCeleb2, as m4a or converted to wav")
    options.add_argument(
        "--trials-dir", metavar="DIR", help="trial lists and vox1_meta.csv; default: those next to the audio"
    )
    options.add_argument("--train-vox1", type=boolean, default=False, help="also train on VoxCeleb1's development part")
    options.add_argument("--train-vox2-test", type=boolean, default=False, help="also train on VoxCeleb2's test part")
    options.add_argument("--sets", default=" ".join(SETS), help="which of the data directories to make")
    options.add_argument("--lists", default=" ".join(LISTS), help="trial lists to prepare")
    options.add_argument(
        "--max-missing", type=number(float, low=0, below=1), default=0.0, help="share of recordings that may be missing"
    )
    options.add_argument(
        "--documented",
        action="store_true",
        help="print the documented SPEAKERS:UTTERANCES:HOURS of training and test instead",
    )
    options.add_argument("data", metavar="DATA", nargs="?", help="folder for the data directories")
    return options


def documented(args):
    """Returns the documented sizes of training and test set, as arguments of nnet.bin.estimate."""
    vox2 = ["vox2_dev"] + ["vox2_test"] * args.train_vox2_test
    train = vox2 * bool(args.vox2 or not args.train_vox1) + ["vox1_dev"] * args.train_vox1
    test = ["vox1_test"] if args.train_vox1 else ["vox1_dev", "vox1_test"]
    sums = [[sum(column) for column in zip(*(DOCUMENTED[p] for p in parts), strict=True)] for parts in (train, test)]
    return " ".join(f"{speakers}:{utterances}:{hours:.1f}" for speakers, _, utterances, hours in sums)


def read_corpus(root, corpus, speakers, data):
    recordings, inventory = find_recordings(root, corpus, speakers)
    inventory.report(data / f"skipped_{corpus}")
    for part in ("dev", "test"):
        found = [r for r in recordings.values() if r.part == part]
        expected = DOCUMENTED[f"{corpus}_{part}"]
        log.info(
            "%s: %s: %d utterances of %d speakers (documented: %d of %d)", root, part, len(found),
            len({r.speaker for r in found}), expected.utterances, expected.speakers,
        )  # fmt: skip
    return recordings


def check_complete(root, corpus, speakers, recordings, max_missing, part="dev"):
    """Raises InputError if speakers of a part in the meta file have no recordings."""
    if not recordings:
        words = {"dev": "development", "test": "test"}
        other = "test" if part == "dev" else "dev"
        raise InputError(f"{root}: no recordings of {corpus}'s {words[part]} part, only of its {words[other]} part")
    expected = speakers.of(corpus, part)
    missing = expected - {r.speaker for r in recordings.values()}
    if len(missing) > max_missing * len(expected):
        raise InputError(
            f"{root}: {len(missing)} of the {len(expected)} training speakers in {corpus}_meta.csv have no recordings, "
            f"such as {examples(missing)}; unpack all parts, or allow it: --max-missing"
        )


def write_set(path, recordings, speakers):
    genders = {s: speakers.people[s].gender for s in {r.speaker for r in recordings.values()} if s in speakers.people}
    write_tables(
        path,
        {u: wav_entry(r) for u, r in recordings.items()},
        {u: r.speaker for u, r in recordings.items()},
        genders,
    )


def write_tests(args, names, folders, vox1, speakers):
    """Writes the data directory test with the recordings of the lists, and the lists."""
    test = Path(args.data) / "test"
    lists = {}
    for name in names:
        path = find_list(name, folders)
        trials = read_list(path, speakers)
        check_size(name, path, trials)
        lists[name] = with_audio(path, trials, vox1, args.vox1, args.max_missing)
    named = {u for trials in lists.values() for enroll, other, _ in trials for u in (enroll, other)}
    write_set(test, {u: vox1[u] for u in named}, speakers)
    for name in LISTS:
        remove_file(test / f"trials_{name}")
    for name, trials in lists.items():
        write_trials(test / f"trials_{name}", trials)
        log.info("%s: %d trials, %d of them targets", test / f"trials_{name}", len(trials), sum(t[2] for t in trials))


if __name__ == "__main__":
    run(main)
