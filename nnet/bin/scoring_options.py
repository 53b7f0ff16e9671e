"""The options that every program shares which scores embeddings: cosine or PLDA, and what comes before."""

from nnet.backend.directory import read_backend
from nnet.backend.system import METHODS, System
from nnet.bin.cli import boolean, number


def add_scoring_options(parser):
    """Adds the options to an argparse parser."""
    group = parser.add_argument_group("scoring")
    group.add_argument("--method", choices=METHODS, default="cosine", help="how two embeddings are compared")
    group.add_argument("--backend", metavar="DIR", help="trained by train_backend: mean.vec, transform.mat, plda")
    group.add_argument(
        "--transform", type=boolean, default=True, help="apply transform.mat; false leaves centred embeddings (cosine)"
    )
    group.add_argument(
        "--smoothing", type=number(float, low=0, high=1), default=0.0, help="as in ivector-copy-plda; PLDA only"
    )
    group.add_argument("--normalize-length", type=boolean, default=True, help="as in ivector-plda-scoring; PLDA only")
    group.add_argument(
        "--simple-length-normalization", type=boolean, default=False, help="as in ivector-plda-scoring; PLDA only"
    )


def system_from(args):
    """The System that parsed arguments describe."""
    return System(
        method=args.method,
        backend=read_backend(args.backend) if args.backend else None,
        use_transform=args.transform,
        smoothing=args.smoothing,
        normalize_length=args.normalize_length,
        simple_length_normalization=args.simple_length_normalization,
    )
