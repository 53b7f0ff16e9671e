"""Copies a PLDA model in Kaldi's format, binary or text, and optionally smooths its within-class covariance."""

from nnet.backend.plda_file import read_plda, write_plda
from nnet.bin.cli import boolean, number, parser, run


def main(argv=None):
    args = _arguments(argv)
    write_plda(args.out, read_plda(args.source).smoothed(args.smoothing), args.binary)


def _arguments(argv):
    options = parser(__doc__)
    options.add_argument("source", metavar="IN")
    options.add_argument("out", metavar="OUT")
    options.add_argument(
        "--smoothing",
        type=number(float, low=0, high=1),
        default=0.0,
        help="share of the between-class covariance to add",
    )
    options.add_argument("--binary", type=boolean, default=True, help="false: write text")
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
