"""What the commands that train and apply a calibration share."""

from nnet.metrics import OperatingPoint, bayes_threshold


def add_quality_options(parser):
    """Adds the measure files of both sides."""
    what = "measures that measure_quality wrote: `id number ...` a line"
    parser.add_argument("--enroll-quality", metavar="FILE", help=f"{what}; enroll side")
    parser.add_argument("--test-quality", metavar="FILE", help=f"{what}; test side")


def print_threshold(costs, p_target):
    """Prints from which calibrated score on a trial should be accepted.

    Args:
        costs: CostOptions.
        p_target: the prior of the training, where `costs` has none.
    """
    point = OperatingPoint(costs.c_miss, costs.c_fa, costs.p_target or p_target)
    print(f"threshold {bayes_threshold(point):.4f} for {point}: accept a trial whose calibrated score is not below it")
