"""Options and output shared by the commands that train and apply a calibration."""

from nnet.metrics import OperatingPoint, bayes_threshold


def add_quality_options(parser):
    """Adds the options for the quality measures of both sides of the trials to a parser."""
    what = "quality measures written by measure_quality: lines `id number ...`"
    parser.add_argument("--enroll-quality", metavar="FILE", help=f"{what}; enroll side")
    parser.add_argument("--test-quality", metavar="FILE", help=f"{what}; test side")


def print_threshold(costs, p_target):
    """Prints the decision threshold on calibrated scores.

    Args:
        costs: CostOptions.
        p_target: the prior if `costs` has none: that of the training.
    """
    point = OperatingPoint(costs.c_miss, costs.c_fa, costs.p_target or p_target)
    print(
        f"threshold {bayes_threshold(point):.4f} for {point}: accept a trial if its calibrated score is at least this"
    )
