"""Finds the enrolled speakers with the highest scores for each test utterance.

Writes OUT with lines `enroll test score`: for each test utterance its --top-n best enrolled speakers, best first; with
--top-n 0 all pairs.
"""

import logging

import numpy as np

from nnet.backend.embeddings import read_enrollment, read_speakers, read_utterances
from nnet.backend.scoring import search
from nnet.bin.cli import number, parser, run
from nnet.bin.scoring_options import add_scoring_options, system_from
from nnet.kaldi.tables import read_spk2utt
from nnet.kaldi.trials import ScoreWriter

log = logging.getLogger(__name__)


def main(argv=None):
    args = _arguments(argv)
    if args.enroll_spk2utt:
        enrollment = read_enrollment(args.enroll, read_spk2utt(args.enroll_spk2utt))
    else:
        enrollment = read_speakers(args.enroll)
    test = read_utterances(args.test)
    enroll_ids = np.array(enrollment.embeddings.ids, object)
    test_ids = np.array(test.ids, object)
    scorer = system_from(args).scorer(enrollment, test)
    with ScoreWriter(args.out) as writer:
        for part, positions, scores in search(scorer, args.top_n or len(enroll_ids)):
            repeated = np.repeat(test_ids[part], positions.shape[1])
            writer.write(enroll_ids[positions.ravel()], repeated, scores.ravel())
    log.info("%s: %d test utterances, %d enrolled speakers", args.out, len(test), len(enroll_ids))


def _arguments(argv):
    options = parser(__doc__)
    options.add_argument("enroll", metavar="ENROLL_EMBDIR")
    options.add_argument("test", metavar="TEST_EMBDIR")
    options.add_argument("out", metavar="OUT")
    options.add_argument(
        "--top-n", type=number(int, low=0), default=10, help="enrolled speakers per test utterance; 0: all"
    )
    options.add_argument(
        "--enroll-spk2utt", metavar="FILE", help="enrollment models, lines `model utterance utterance ...`"
    )
    add_scoring_options(options)
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
