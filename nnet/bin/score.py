"""Scores a trial list with cosine or PLDA.

TRIALS has lines `enroll test [target|nontarget]`, SCORES `enroll test score`. The enroll side is a speaker in
ENROLL_EMBDIR/spk_xvector.scp or an utterance in ENROLL_EMBDIR/xvector.scp; with --enroll-spk2utt, a model that averages
several utterances. The test side is an utterance in TEST_EMBDIR/xvector.scp.
"""

import logging

from nnet.backend.embeddings import read_enrollment, read_utterances
from nnet.backend.system import score_list
from nnet.bin.cli import parser, run
from nnet.bin.scoring_options import add_scoring_options, system_from
from nnet.kaldi.tables import read_spk2utt

log = logging.getLogger(__name__)


def main(argv=None):
    args = _arguments(argv)
    system = system_from(args)
    spk2utt = read_spk2utt(args.enroll_spk2utt) if args.enroll_spk2utt else None
    enrollment = read_enrollment(args.enroll, spk2utt)
    count = score_list(system, args.trials, enrollment, read_utterances(args.test), args.scores)
    log.info("%s: %d trials scored", args.scores, count)


def _arguments(argv):
    options = parser(__doc__)
    options.add_argument("trials", metavar="TRIALS")
    options.add_argument("enroll", metavar="ENROLL_EMBDIR")
    options.add_argument("test", metavar="TEST_EMBDIR")
    options.add_argument("scores", metavar="SCORES")
    options.add_argument(
        "--enroll-spk2utt", metavar="FILE", help="enrollment models, lines `model utterance utterance ...`"
    )
    add_scoring_options(options)
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
