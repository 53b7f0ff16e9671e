"""Makes data directories for training and testing from Switchboard, Fisher, Mixer 6 and NIST's evaluations.

CORPORA locates them: a file with lines `NAME FOLDER` (python local/prepare_sre.py --list-corpora true prints the
names), or a folder with LDC's folders (LDC2006S44, ...).

Makes DATA/train, and DATA/backend_speakers, all speakers except Switchboard's and Fisher's. For each evaluation of
--tests, makes DATA/TEST with models and test segments, trials_TEST and trials_TEST_CONDITION; if available,
DATA/TEST_dev, the same for its development part, and DATA/TEST_unlabeled. Test speakers are excluded from training.
DATA/skipped_CORPUS lists unused files with the reason.
"""

import logging
import os
from pathlib import Path

from sre_audio import Recordings
from sre_corpora import CORPORA, EARLY, EVALUATIONS, KEYED, SPEAKER_LIST, corpus_of, documented, find_corpora, what
from sre_early import LIST, read_early
from sre_fisher import read_fisher
from sre_keyed import RecordingFinder, evaluation, name_speakers, read_lists, training_utterances
from sre_mixer6 import read_mixer6
from sre_release import Release, stem_of
from sre_segments import read_evaluation, read_unlabeled
from sre_sets import refuse_two_speakers, usable, write_evaluation, write_set
from sre_swbd import read_switchboard

from nnet.bin.cli import boolean, number, parser, run
from nnet.datadir.directory import write_table
from nnet.errors import InputError
from nnet.files import make_directory, remove_file

log = logging.getLogger(__name__)


def main(argv=None):
    args = make_parser().parse_args(argv)
    if args.list_corpora:
        print("\n".join(f"{name:8} {what(name)}" for name in CORPORA))
        return
    tests = args.tests.split()
    unknown = next((t for t in tests if t not in EVALUATIONS), None)
    if unknown or not tests:
        raise InputError(f"--tests: unknown evaluation {unknown!r}; known: {' '.join(EVALUATIONS)}")
    if args.documented:
        print(*documented(locate(args.corpora, tests) if args.corpora else ()))
        return
    if not (args.corpora and args.data):
        raise InputError("CORPORA and DATA are required: the location of the corpora and of the data directories")
    make_directory(args.data)
    Preparation(args, tests).run()


def locate(corpora, tests):
    """Returns {corpus: folders}; InputError if the corpus of a test is not among them."""
    folders = find_corpora(corpora)
    missing = next((t for t in tests if corpus_of(t) not in folders), None)
    if missing:
        raise InputError(f"{corpora}: no folder of {what(corpus_of(missing))}, which --tests needs")
    return folders


def make_parser():
    options = parser(__doc__)
    add = options.add_argument
    add("--tests", default="sre16", help=f"evaluations to test on, of {' '.join(EVALUATIONS)}")
    add("--max-missing", type=number(float, low=0, below=1), default=0.05,
        help="share of the recordings in a corpus's tables, and of trials, that may be missing")  # fmt: skip
    add("--sph2pipe", type=boolean, default=False, help="write sph2pipe commands to wav.scp, which Kaldi can read")
    add("--list-corpora", type=boolean, default=False, help="print the names of the corpora and exit")
    add("--documented", type=boolean, default=False,
        help="only check --tests, and print the documented SPEAKERS:UTTERANCES:HOURS of both sets")  # fmt: skip
    add("corpora", metavar="CORPORA", nargs="?")
    add("data", metavar="DATA", nargs="?", help="folder for the data directories")
    return options


class Preparation:
    """State of one run: locations of the corpora, and what was read."""

    def __init__(self, args, tests):
        self.args, self.tests, self.data = args, tests, Path(args.data)
        self.folders = locate(args.corpora, tests)
        self.recordings = Recordings(args.sph2pipe)
        self.releases, self.speaker_of = {}, {}
        self.tested, self.heard = set(), set()  # test speakers, and test recordings

    def run(self):
        trained = {c: self.train(c) for c in CORPORA if c in self.folders and self.trains(c)}
        if not any(CORPORA[c].part == "sre" for c in trained):
            raise InputError(f"{self.args.corpora}: no corpus to train the back end on: {self._names('sre')}")
        for test in self.tests:
            self.test(test)
        self.write_training(trained)
        for corpus, release in self.releases.items():
            release.report(self.data / f"skipped_{corpus}")

    def _names(self, part):
        return " ".join(name for name, corpus in CORPORA.items() if corpus.part == part)

    def trains(self, corpus):
        """Returns whether a corpus is used for training: not if it is a test set, or for testing only."""
        return CORPORA[corpus].part != "test" and corpus not in map(corpus_of, self.tests)

    def release(self, corpus):
        """Returns the Release of a corpus, or None if its location is unknown."""
        if corpus in self.folders and corpus not in self.releases:
            self.releases[corpus] = Release(self.folders[corpus], what(corpus))
        return self.releases.get(corpus)

    def train(self, corpus):
        """Returns the training Utterances of a corpus."""
        release = self.release(corpus)
        utterances = refuse_two_speakers(self._read(corpus, release), release.skip)
        utterances = usable(utterances, self.recordings, release.skip)
        self.speaker_of |= {(corpus, stem_of(u.path), u.channel): u.speaker for u in utterances}
        log.info("%s: %d utterances of %d speakers", corpus, len(utterances), len({u.speaker for u in utterances}))
        return utterances

    def _read(self, corpus, release):
        if corpus in EARLY:
            return read_early(release, corpus, self._speaker_list())
        if corpus in KEYED:
            lists, finder, speakers = self._keyed(corpus)
            return training_utterances(lists, finder, corpus, speakers)
        if corpus == "mixer6":
            return read_mixer6(release, self.args.max_missing)
        read = read_fisher if corpus.startswith("fisher") else read_switchboard
        return read(release, corpus, self.args.max_missing)

    def _keyed(self, corpus):
        lists = read_lists(self.release(corpus), corpus)
        finder = RecordingFinder(
            self.release(corpus), corpus, {c: self.release(c) for c in (*EARLY, *KEYED) if c != corpus}
        )
        return lists, finder, name_speakers(lists, finder, corpus, self.speaker_of)

    def _speaker_list(self):
        for folder in self.folders.get(SPEAKER_LIST, []):
            path = os.path.join(folder, SPEAKER_LIST) if os.path.isdir(folder) else folder
            if os.path.isfile(path):
                return path
        raise InputError(
            f"{self.args.corpora}: {', '.join(c for c in EARLY if c in self.folders)} need a speaker list: "
            f"unpack {LIST} and add a line `{SPEAKER_LIST} PATH`"
        )

    def test(self, test):
        """Makes the data directories of an evaluation."""
        corpus, data = corpus_of(test), self.data / test
        release = self.release(corpus)
        if corpus in KEYED:
            lists, finder, speakers = self._keyed(corpus)
            self.tested |= set(speakers.values())
            self._write(data, evaluation(lists, finder, release, corpus, self.args.max_missing), release)
            return
        self._write(data, read_evaluation(release, test, "eval", self.args.max_missing), release)
        for part in ("dev", "unlabeled"):
            remove_file(self.data / f"{test}_{part}" / "utt2spk")  # of an earlier preparation
        if release.tables(rf"{corpus}_(audio_)?dev_trial_key\.tsv"):
            development = read_evaluation(release, test, "dev", self.args.max_missing)
            self._write(self.data / f"{test}_dev", development, release)
        else:
            log.warning("%s: its development part is missing; scores of %s will not be calibrated", corpus, test)
        unlabeled = usable(read_unlabeled(release, test), self.recordings, release.skip)
        if unlabeled:
            write_set(self.data / f"{test}_unlabeled", unlabeled, self.recordings)

    def _write(self, path, found, release):
        kept = write_evaluation(path, found, self.recordings, release, self.args.max_missing)
        self.heard |= {u.path for u in kept}

    def write_training(self, trained):
        """Writes train and backend_speakers, without test speakers and calls."""
        utterances = [u for of_corpus in trained.values() for u in of_corpus]
        kept = [u for u in utterances if u.speaker not in self.tested and u.path not in self.heard]
        if len(kept) < len(utterances):
            count = len(utterances) - len(kept)
            log.info("train: excluded %d utterances of test speakers or test calls", count)
        write_set(self.data / "train", kept, self.recordings)
        backend = {u.speaker for c, of_corpus in trained.items() if CORPORA[c].part == "sre" for u in of_corpus}
        speakers = {u.speaker for u in kept} & backend
        write_table(self.data / "backend_speakers", dict.fromkeys(speakers, "sre"))


if __name__ == "__main__":
    run(main)
