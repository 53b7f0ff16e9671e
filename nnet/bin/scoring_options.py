"""Options shared by the programs that score embeddings: cosine or PLDA, and the transforms before."""

from nnet.backend.directory import read_backend
from nnet.backend.system import ScoringOptions, System
from nnet.bin.cli import add_options, options_from


def add_scoring_options(parser):
    """Adds the options to an argparse parser."""
    group = parser.add_argument_group("scoring")
    group.add_argument(
        "--backend", metavar="DIR", help="folder written by train_backend: mean.vec, transform.mat, plda"
    )
    add_options(group, ScoringOptions)


def system_from(args):
    """Makes the System of parsed arguments."""
    return System(options_from(args, ScoringOptions), read_backend(args.backend) if args.backend else None)
