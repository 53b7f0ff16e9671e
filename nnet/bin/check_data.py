"""Checks training and test data against each other, and prints a table of their sizes.

It is an error if training and test data share speakers, utterances or audio, or if the audio of a trial is missing.
Duplicate audio within one set gives a warning. Before features are computed, durations are estimated from a sample of
the recordings (~); afterwards they are exact.
"""

import logging

from nnet.bin.cli import boolean, parser, run
from nnet.datadir.checks import duplicate_audio, shared_ids, summarize, unknown_trial_ids
from nnet.datadir.directory import DataDir, examples, read_table
from nnet.dataset.split import session_prefix
from nnet.errors import InputError
from nnet.report.tables import as_text

log = logging.getLogger(__name__)


def main(argv=None):
    args = make_parser().parse_args(argv)
    train, test = DataDir(args.train) if args.train else None, DataDir(args.test)
    enroll = DataDir(args.enroll) if args.enroll else test
    session_of = session_prefix if args.session_prefix else read_table(args.utt2sess).get if args.utt2sess else None
    sets = list(dict.fromkeys([d for d in (train, enroll, test) if d]))
    print(table(sets, session_of or (lambda utterance: utterance)), end="")
    for path in args.trials:
        check_trials(path, enroll, test)
    if train:
        for data in dict.fromkeys((enroll, test)):
            check_apart(train, data)
    if args.duplicates:
        check_duplicates(sets, train)


def make_parser():
    p = parser(__doc__)
    p.add_argument("--train", metavar="DATA", help="training set, which must not overlap with the others")
    p.add_argument(
        "--enroll", metavar="DATA", help="data directory of the enrolled speakers or utterances; default: TEST"
    )
    p.add_argument("--utt2sess", metavar="FILE", help="lines `utterance session`, to count sessions")
    p.add_argument(
        "--session-prefix", type=boolean, default=False, help="the session is the utterance's id up to its last `-`"
    )
    p.add_argument("--duplicates", type=boolean, default=True, help="look for duplicate audio")
    p.add_argument("test", metavar="TEST", help="data directory of the test utterances")
    p.add_argument("trials", metavar="TRIALS", nargs="*")
    return p


def table(sets, session_of):
    """Formats a table with a line per set: speakers, utterances, sessions, hours, shortest and longest utterance."""
    rows = [["data", "speakers", "utterances", "sessions", "hours", "shortest s", "longest s"]]
    for data in sets:
        s = summarize(data, session_of)
        about = "" if s.exact else "~"
        lengths = [f"{about}{s.hours:.2f}", f"{about}{s.shortest:.2f}", f"{about}{s.longest:.2f}"]
        rows.append([data.path, str(s.speakers), str(s.utterances), str(s.sessions), *lengths])
    return as_text(rows)


def check_trials(path, enroll, test):
    """Raises InputError if a trial list names utterances or speakers that are not in the data."""
    for names, data in zip(unknown_trial_ids(path, enroll, test), (enroll, test), strict=True):
        if names:
            raise InputError(f"{path}: {len(names)} of its ids have no audio in {data.path}: {examples(names)}")


def check_apart(train, test):
    """Raises InputError if training and test data share speakers or utterances."""
    for what, names in zip(("speakers", "utterances"), shared_ids(train, test), strict=True):
        if names:
            raise InputError(f"{train.path}: {len(names)} {what} are also in {test.path}, such as {examples(names)}")


def check_duplicates(sets, train):
    """Warns of duplicate audio within a set; raises InputError if training and other data share audio."""
    groups = duplicate_audio([data.wav_scp for data in sets])
    for group in groups:
        own = [name for position, name in group if sets[position] is train]
        others = [f"{name} in {sets[position].path}" for position, name in group if sets[position] is not train]
        if own and others:
            raise InputError(f"{train.path}: {own[0]} is the same audio as {others[0]}")
    if groups:
        named = "; ".join(" = ".join(recording for _, recording in group) for group in groups[:3])
        log.warning("%d recordings are duplicated under other names: %s", len(groups), named)


if __name__ == "__main__":
    run(main)
