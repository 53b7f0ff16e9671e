"""Applies a calibration or fusion: converts scores of one or more systems to log-likelihood ratios.

SCORES must be the score files of the same systems, in the same order, as in the training of MODEL.json. Prints the
decision threshold on the calibrated scores for the given costs and prior.
"""

import logging

from nnet.backend.calibration import CostOptions, read_calibration
from nnet.backend.quality import calibration_columns
from nnet.bin.calibration_options import add_quality_options, print_threshold
from nnet.bin.cli import add_options, options_from, parser, run
from nnet.errors import InputError
from nnet.files import check_entries
from nnet.kaldi.trials import read_trials, write_scores

log = logging.getLogger(__name__)


def main(argv=None):
    args = _arguments(argv)
    calibration, description = read_calibration(args.model)
    _check_inputs(args, description)
    trials = read_trials(args.scores[0], labels=False)
    columns = calibration_columns(trials, args.scores, args.enroll_quality, args.test_quality)
    write_scores(args.out, trials, calibration.apply(columns))
    log.info("%s: %d scores calibrated", args.out, len(trials))
    print_threshold(options_from(args, CostOptions), calibration.p_target)


def _check_inputs(args, description):
    found = {"systems": [], "num_measures": 0} | description
    check_entries(found, {"systems": list, "num_measures": int}, args.model)
    systems, measures = found["systems"], found["num_measures"]
    if len(systems) != len(args.scores):
        trained = f"{len(systems)} score files ({', '.join(map(str, systems))})"
        raise InputError(f"{args.model}: trained on {trained}, but {len(args.scores)} are given")
    if bool(measures) != bool(args.enroll_quality):
        needs = f"with {measures} quality measures" if measures else "without quality measures"
        raise InputError(f"{args.model}: trained {needs}; give --enroll-quality and --test-quality accordingly")


def _arguments(argv):
    options = parser(__doc__)
    options.add_argument("model", metavar="MODEL.json")
    options.add_argument("scores", metavar="SCORES", nargs="+")
    options.add_argument("out", metavar="OUT_SCORES")
    add_options(options, CostOptions)
    add_quality_options(options)
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
