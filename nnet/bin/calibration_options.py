"""The options that training and applying a calibration share."""

from nnet.bin.cli import number
from nnet.metrics import OperatingPoint, bayes_threshold


def add_cost_options(parser, p_target):
    """Adds prior and costs, for the threshold that is printed; None as `p_target` means the prior of the training."""
    prior = "prior probability of a target trial" + ("" if p_target else "; default: that of the training")
    parser.add_argument("--p-target", type=number(float, above=0, below=1), default=p_target, help=prior)
    parser.add_argument("--c-miss", type=number(float, above=0), default=1.0, help="cost of a miss, for the threshold")
    parser.add_argument(
        "--c-fa", type=number(float, above=0), default=1.0, help="cost of a false alarm, for the threshold"
    )


def add_quality_options(parser):
    """Adds the measure files of both sides."""
    what = "measures that measure_quality wrote: `id number ...` a line"
    parser.add_argument("--enroll-quality", metavar="FILE", help=f"{what}; enroll side")
    parser.add_argument("--test-quality", metavar="FILE", help=f"{what}; test side")


def print_threshold(args, p_target):
    """Prints from which calibrated score on a trial should be accepted; `p_target` where no --p-target was given."""
    point = OperatingPoint(args.c_miss, args.c_fa, args.p_target or p_target)
    print(f"threshold {bayes_threshold(point):.4f} for {point}: accept a trial whose calibrated score is not below it")
