"""Splits a data directory into training and validation utterances of the same speakers, and development speakers.

Validation utterances are spread over the speakers. Augmented copies of an utterance (utt2uniq) stay together, and so
do utterances of the same session if sessions are given. DEV_OUT gets the original utterances of held-out speakers, for
the EER during training.
"""

import logging
import os

from nnet.bin.cli import boolean, number, parser, run
from nnet.datadir.derive import subset, write_parts
from nnet.datadir.directory import DataDir, read_table
from nnet.dataset.split import cut_utterances, session_prefix, split_utterances, utterance_groups
from nnet.errors import InputError
from nnet.files import remove_file

logger = logging.getLogger(__name__)


def main(argv=None):
    args = make_parser().parse_args(argv)
    data = DataDir(args.data)
    if args.dev_out is None and args.dev_speakers:
        raise InputError("--dev-speakers needs DEV_OUT, the fourth argument")
    session_of = session_prefix if args.session_prefix else None
    if args.utt2sess:
        session_of = read_table(args.utt2sess).get
    origins, groups = utterance_groups(data, session_of)
    split = split_utterances(
        data.utt2spk,
        origins,
        groups,
        valid_utts=args.valid_utts,
        dev_speakers=args.dev_speakers if args.dev_out else 0,
        max_share=1.0 if args.cut else args.max_share,
        seed=args.seed,
    )
    write_sets(args, data, split)
    report(data, split, args.cut)


def make_parser():
    p = parser(__doc__)
    p.add_argument(
        "--valid-utts", type=number(int, low=1), help="validation utterances; default: 5 %% of all, at most 2000"
    )
    p.add_argument(
        "--dev-speakers",
        type=number(int, low=0),
        help="held-out speakers; default: 5 %%, between 2 and 60, if there are at least 20 speakers",
    )
    p.add_argument(
        "--max-share",
        type=number(float, above=0),
        default=0.25,
        help="largest share of a speaker's utterances used for validation",
    )
    p.add_argument("--utt2sess", metavar="FILE", help="lines `utterance session`; a session is never split")
    p.add_argument(
        "--session-prefix", type=boolean, default=False, help="the session is the utterance's id up to its last `-`"
    )
    p.add_argument(
        "--cut",
        type=boolean,
        default=False,
        help="train on the first four fifths of each validation utterance; for speakers with one utterance",
    )
    p.add_argument("--seed", type=number(int, low=0), default=0, help="random seed")
    p.add_argument("data", metavar="DATA")
    p.add_argument("train_out", metavar="TRAIN_OUT")
    p.add_argument("valid_out", metavar="VALID_OUT")
    p.add_argument("dev_out", metavar="DEV_OUT", nargs="?")
    return p


def write_sets(args, data, split):
    outputs = [args.train_out, args.valid_out] + ([args.dev_out] if split.dev else [])
    if os.path.realpath(data.path) in map(os.path.realpath, outputs):
        raise InputError(f"{data.path}: would be overwritten by a part of itself; choose another output")
    if args.dev_out and not split.dev:
        remove_file(os.path.join(args.dev_out, "utt2spk"))  # left by an earlier split
    if args.cut:
        subset(cut_utterances(data, split.valid, beginning=True), split.train + split.valid, args.train_out)
        subset(cut_utterances(data, split.valid, beginning=False), split.valid, args.valid_out)
        outputs, sets = outputs[2:], [split.dev]
    else:
        sets = [split.train, split.valid, split.dev]
    part_of = {u: part for part, utterances in enumerate(sets) for u in utterances}
    write_parts(data, outputs, part_of)


def report(data, split, cut):
    if split.unused:
        logger.info("%d augmented copies of development utterances are not used", len(split.unused))
    for name, utterances in (("train", split.train), ("valid", split.valid), ("dev", split.dev)):
        speakers = len({data.utt2spk[u] for u in utterances})
        logger.info("%s: %d utterances of %d speakers", name, len(utterances), speakers)
    if cut:
        logger.info("valid: the last fifth of each utterance; train has the rest")


if __name__ == "__main__":
    run(main)
