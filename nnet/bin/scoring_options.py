"""The options that every program shares which scores embeddings: cosine or PLDA, and what comes before."""

from nnet.backend.directory import read_backend
from nnet.backend.system import ScoringOptions, System
from nnet.bin.cli import add_options, options_from


def add_scoring_options(parser):
    """Adds the options to an argparse parser."""
    group = parser.add_argument_group("scoring")
    group.add_argument("--backend", metavar="DIR", help="trained by train_backend: mean.vec, transform.mat, plda")
    add_options(group, ScoringOptions)


def system_from(args):
    """The System that parsed arguments describe."""
    return System(options_from(args, ScoringOptions), read_backend(args.backend) if args.backend else None)
