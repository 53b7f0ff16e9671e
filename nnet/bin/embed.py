"""Embeds audio files with a trained model.

--out keeps the embeddings as an ark, keyed by path. Two or more files are compared as well, as nnet.bin.compare does: a
line for each pair.
"""

from nnet.bin.audio_options import add_audio_options, print_comparisons
from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.kaldi.ark import ArkWriter
from nnet.model.embedder import Embedder


def main(argv=None):
    args = make_parser().parse_args(argv)
    if len(args.audio) < 2 and not args.out:
        raise InputError("one file has nothing to be compared with: name a second one, or --out NAME for its embedding")
    if args.out:
        check_keys(args.audio)
    model = Embedder(args.model_dir, args.checkpoint, node=args.node)
    vectors = list(model.embed_files(args.audio))
    if args.out:
        with ArkWriter(args.out + ".ark", args.out + ".scp") as writer:
            for path, vector in zip(args.audio, vectors, strict=True):
                writer.write(path, vector)
    print_comparisons(model, args.audio, vectors, args.p_target)


def check_keys(paths):
    """Whether an ark can have these paths for its keys."""
    for i, path in enumerate(paths):
        if len(path.split()) != 1 or path in paths[:i]:
            raise InputError(f"--out: {path!r} has blanks or is named twice, which no key of an archive may")


def make_parser():
    p = parser(__doc__)
    p.add_argument("--out", metavar="NAME", help="write the embeddings to NAME.ark and NAME.scp")
    add_audio_options(p)
    return p


if __name__ == "__main__":
    run(main)
