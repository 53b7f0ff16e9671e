"""Embeds audio files with a trained model.

Prints, for every pair of files, the cosine of their embeddings, and the probability that they are of one speaker where
MODELDIR has cosine_calibration.json, trained by steps/train_calibration.sh on cosines of this model without a back end.
--out keeps the embeddings as an ark, keyed by path.
"""

import itertools

from nnet import load_model
from nnet.bin.cli import number, parser, run
from nnet.errors import InputError
from nnet.kaldi.ark import ArkWriter
from nnet.model.embedder import cosine


def main(argv=None):
    args = make_parser().parse_args(argv)
    if len(args.audio) < 2 and not args.out:
        raise InputError("one file has nothing to be compared with: name a second one, or --out NAME for its embedding")
    if args.out:
        check_keys(args.audio)
    model = load_model(args.model_dir, args.checkpoint, node=args.node)
    vectors = list(model.embed_files(args.audio))
    if args.out:
        with ArkWriter(args.out + ".ark", args.out + ".scp") as writer:
            for path, vector in zip(args.audio, vectors, strict=True):
                writer.write(path, vector)
    for (a, x), (b, y) in itertools.combinations(zip(args.audio, vectors, strict=True), 2):
        similarity = cosine(x, y)
        known = f" {model.probability(similarity, args.p_target):.4f}" if model.calibration else ""
        print(f"{a} {b} {similarity:.4f}{known}")


def check_keys(paths):
    """Whether an ark can have these paths for its keys."""
    for i, path in enumerate(paths):
        if len(path.split()) != 1 or path in paths[:i]:
            raise InputError(f"--out: {path!r} has blanks or is named twice, which no key of an archive may")


def make_parser():
    p = parser(__doc__)
    p.add_argument("--checkpoint", default="best", help="best, last, or a number of epochs whose checkpoint is kept")
    p.add_argument("--node", help="endpoint to extract; default: the configuration's embedding.node")
    p.add_argument("--out", metavar="NAME", help="write the embeddings to NAME.ark and NAME.scp")
    p.add_argument(
        "--p-target",
        type=number(float, above=0, below=1),
        default=0.5,
        help="how probable one speaker is before the files are heard",
    )
    p.add_argument("model_dir", metavar="MODELDIR")
    p.add_argument("audio", metavar="AUDIO", nargs="+")
    return p


if __name__ == "__main__":
    run(main)
