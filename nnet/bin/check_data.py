"""Checks training and test data against each other, and prints a table of what they hold.

Refused are speakers, utterances or audio that training and test share, and trials whose audio is not in the data.
Audio that is twice within one set is named in the log. Run it before features are made; lengths are then those of a
sample (~), and exact afterwards.
"""

import logging

from nnet.bin.cli import boolean, parser, run
from nnet.datadir.checks import duplicate_audio, shared_ids, summarize, unknown_trial_ids
from nnet.datadir.directory import DataDir, read_table, some
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
    p.add_argument("--train", metavar="DATA", help="the training set, which must have nothing to do with the others")
    p.add_argument("--enroll", metavar="DATA", help="where enrolled speakers or utterances are; default: TEST")
    p.add_argument("--utt2sess", metavar="FILE", help="lines `utterance session`, for the table")
    p.add_argument(
        "--session-prefix", type=boolean, default=False, help="the session is the utterance's id up to its last `-`"
    )
    p.add_argument("--duplicates", type=boolean, default=True, help="look for audio that is there twice")
    p.add_argument("test", metavar="TEST", help="data directory of the test utterances")
    p.add_argument("trials", metavar="TRIALS", nargs="*")
    return p


def table(sets, session_of):
    """A line a set: speakers, utterances, sessions, hours, the shortest and the longest utterance."""
    rows = [["data", "speakers", "utterances", "sessions", "hours", "shortest s", "longest s"]]
    for data in sets:
        s = summarize(data, session_of)
        about = "" if s.exact else "~"
        lengths = [f"{about}{s.hours:.2f}", f"{about}{s.shortest:.2f}", f"{about}{s.longest:.2f}"]
        rows.append([data.path, str(s.speakers), str(s.utterances), str(s.sessions), *lengths])
    return as_text(rows)


def check_trials(path, enroll, test):
    """Refuses a list that names what the data do not have."""
    for names, data in zip(unknown_trial_ids(path, enroll, test), (enroll, test), strict=True):
        if names:
            raise InputError(f"{path}: {len(names)} of its names have no audio in {data.path}: {some(names)}")


def check_apart(train, test):
    """Refuses a test set whose speakers or utterances are trained on."""
    for what, names in zip(("speakers", "utterances"), shared_ids(train, test), strict=True):
        if names:
            raise InputError(f"{train.path}: {len(names)} {what} are in {test.path} too, such as {some(names)}")


def check_duplicates(sets, train):
    """Names audio that is there twice within a set; refuses what is in training and elsewhere."""
    groups = duplicate_audio([data.wav_scp for data in sets])
    for group in groups:
        own = [name for position, name in group if sets[position] is train]
        others = [f"{name} in {sets[position].path}" for position, name in group if sets[position] is not train]
        if own and others:
            raise InputError(f"{train.path}: {own[0]} is the same audio as {others[0]}")
    if groups:
        named = "; ".join(" = ".join(recording for _, recording in group) for group in groups[:3])
        log.warning("%d recordings are there more than once under other names: %s", len(groups), named)


if __name__ == "__main__":
    run(main)
