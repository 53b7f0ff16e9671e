"""Embeds audio files with a trained model.

--out writes the embeddings to an archive, keyed by path. Two or more files are also compared, as by nnet.bin.compare:
one line per pair.
"""

from nnet.bin.audio_options import add_audio_options, model_and_audio, print_comparisons
from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.kaldi.ark import ArkWriter
from nnet.model.embedder import Embedder


def main(argv=None):
    args = make_parser().parse_args(argv)
    directory, audio = model_and_audio(args.words)
    if len(audio) < 2 and not args.out:
        raise InputError("only one file: give a second one to compare it with, or --out NAME to write its embedding")
    if args.out:
        check_keys(audio)
    model = Embedder(directory, args.checkpoint, node=args.node)
    vectors = list(model.embed_files(audio))
    if args.out:
        with ArkWriter(args.out + ".ark", args.out + ".scp") as writer:
            for path, vector in zip(audio, vectors, strict=True):
                writer.write(path, vector)
    print_comparisons(model, audio, vectors, args.p_target)


def check_keys(paths):
    """Raises InputError unless the paths can be keys of an archive."""
    for i, path in enumerate(paths):
        if len(path.split()) != 1 or path in paths[:i]:
            raise InputError(f"--out: {path!r} contains spaces or is given twice, so it cannot be a key of an archive")


def make_parser():
    p = parser(__doc__)
    p.add_argument("--out", metavar="NAME", help="write the embeddings to NAME.ark and NAME.scp")
    add_audio_options(p)
    return p


if __name__ == "__main__":
    run(main)
