"""Trains a calibration, or the fusion of several systems, that converts scores to log-likelihood ratios.

SCORES are one or more score files of the labeled TRIALS; calibrate_scores applies MODEL.json to other lists. Prints the
weights, and the decision threshold on the calibrated scores for the given costs and prior.
"""

import os

from nnet.backend.calibration import CalibrationOptions, train_calibration, write_calibration
from nnet.backend.quality import calibration_columns
from nnet.bin.calibration_options import add_quality_options, print_threshold
from nnet.bin.cli import add_options, options_from, parser, run
from nnet.kaldi.trials import read_trials
from nnet.metrics import cllr, convex_hull, error_rates, min_cllr


def main(argv=None):
    args = _arguments(argv)
    options = options_from(args, CalibrationOptions)
    trials = read_trials(args.trials)
    columns = calibration_columns(trials, args.scores, args.enroll_quality, args.test_quality)
    calibration = train_calibration(columns, trials.target, options.p_target)
    rates = error_rates(calibration.apply(columns), trials.target)
    description = {
        "systems": [os.path.basename(path) for path in args.scores],
        "num_measures": (columns.shape[1] - len(args.scores)) // 2,
        "trials": args.trials,
        "cllr": cllr(rates),
    }
    write_calibration(args.model, calibration, description)
    weights = " ".join(f"{weight:.5g}" for weight in calibration.weights)
    print(f"offset {calibration.offset:.5g}, weights {weights}")
    print(f"Cllr {description['cllr']:.4f}, minimum {min_cllr(convex_hull(rates)):.4f}")
    print_threshold(options, options.p_target)


def _arguments(argv):
    options = parser(__doc__)
    options.add_argument("trials", metavar="TRIALS")
    options.add_argument("scores", metavar="SCORES", nargs="+")
    options.add_argument("model", metavar="MODEL.json")
    add_options(options, CalibrationOptions)
    add_quality_options(options)
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
