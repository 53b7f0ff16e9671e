"""Normalizes scores against a cohort of other speakers: adaptive S-norm, S-, Z- or T-norm.

SCORES must have been computed by `score` with the same scoring options; a sample of them is recomputed to verify this.
OUT_SCORES.cohort.json records the cohort.
"""

import logging
import os

import numpy as np

from nnet.backend.embeddings import Enrollment, read_enrollment, read_speakers, read_utterances
from nnet.backend.score_norm import NormOptions, cohort_against_tests, enrolled_against_cohort, normalized_scores
from nnet.bin.cli import add_options, options_from, parser, run
from nnet.bin.scoring_options import add_scoring_options, system_from
from nnet.errors import InputError
from nnet.files import write_json
from nnet.kaldi.tables import read_spk2utt
from nnet.kaldi.trials import read_scores, read_trials, write_scores

log = logging.getLogger(__name__)

SAMPLE = 1000  # number of scores that are recomputed
TOLERANCE = 1e-3


def main(argv=None):
    args = _arguments(argv)
    options, system = options_from(args, NormOptions), system_from(args)
    trials = read_trials(args.trials, labels=False)
    scores = read_scores(args.scores, trials)
    spk2utt = read_spk2utt(args.enroll_spk2utt) if args.enroll_spk2utt else None
    enrollment = read_enrollment(args.enroll, spk2utt).select(trials.enroll_ids)
    test = read_utterances(args.test).select(trials.test_ids)
    _check_same_system(system, args.scores, trials, scores, enrollment, test)
    kind = options.cohort or ("speaker" if os.path.exists(f"{args.cohort}/spk_xvector.scp") else "utterance")
    cohort = read_cohort(args.cohort, kind)
    top_n = _top_n(options, cohort)
    shared = set(cohort.embeddings.ids) & (set(trials.enroll_ids) | set(trials.test_ids))
    if shared:
        log.warning(
            "the cohort holds %d of the speakers or utterances of the trials, such as %s", len(shared), min(shared)
        )
    enroll_side = enrolled_against_cohort(system.scorer(enrollment, cohort.embeddings), top_n)
    test_side = cohort_against_tests(system.scorer(cohort, test), top_n)
    out = normalized_scores(options.norm, scores, trials.enroll, trials.test, enroll_side, test_side)
    _describe(args, {"norm": options.norm, "top_n": top_n, "cohort": kind}, cohort, system.options.method)
    write_scores(args.out, trials, out)
    log.info("%s: %d scores normalized", args.out, len(trials))


def _check_same_system(system, path, trials, scores, enrollment, test):
    """Raises InputError if the given options do not reproduce the scores."""
    sample = np.linspace(0, len(trials) - 1, min(SAMPLE, len(trials))).astype(int)
    again = system.scorer(enrollment, test).pairs(trials.enroll[sample], trials.test[sample])
    different = np.abs(again - scores[sample]) > TOLERANCE * np.maximum(1.0, np.abs(again))
    if different.any():
        bad = sample[np.argmax(different)]
        raise InputError(
            f'{path}: the score of "{trials.name(bad)}" is {scores[bad]:.6f}, but {again[np.argmax(different)]:.6f} '
            "with these options; give those by which the scores were computed"
        )


def read_cohort(folder, kind):
    """Reads the cohort in a folder of embeddings as an Enrollment of "speaker" means or of "utterance"s."""
    if kind == "speaker":
        return read_speakers(folder)
    utterances = read_utterances(folder)
    return Enrollment(utterances, np.ones(len(utterances), int))


def _top_n(options, cohort):
    """Returns the number of cohort scores to use; None: all of them."""
    if options.norm != "as":
        return None
    members = len(cohort.embeddings)
    if options.top_n > members:
        log.warning("--top-n %d: the cohort has only %d members, using all of them", options.top_n, members)
    return min(options.top_n, members)


def _describe(args, norm, cohort, method):
    description = {
        **norm,
        "members": len(cohort.embeddings),
        "utterances": int(cohort.num_utts.sum()),
        "embeddings": cohort.embeddings.path,
        "scores": args.scores,
        "method": method,
        "backend": args.backend,
    }
    write_json(f"{args.out}.cohort.json", description)


def _arguments(argv):
    options = parser(__doc__)
    options.add_argument("cohort", metavar="COHORT_EMBDIR")
    options.add_argument("trials", metavar="TRIALS")
    options.add_argument("enroll", metavar="ENROLL_EMBDIR")
    options.add_argument("test", metavar="TEST_EMBDIR")
    options.add_argument("scores", metavar="SCORES")
    options.add_argument("out", metavar="OUT_SCORES")
    add_options(options, NormOptions)
    options.add_argument("--enroll-spk2utt", metavar="FILE", help="as given to score")
    add_scoring_options(options)
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
