"""Decides whether audio files are of a certain enrolled speaker.

--false-accept is the rate at which other speakers may be accepted. A line has the file, the answer, and in parentheses
the probability that it is this speaker, the rate at which others match so well, and the cosine.
"""

from nnet.bin.audio_options import warn_of_seconds
from nnet.bin.cli import parser, run
from nnet.bin.gallery_options import add_decision_options, add_gallery_options, describe
from nnet.gallery import Gallery
from nnet.model.embedder import Embedder


def main(argv=None):
    args = _arguments(argv)
    model = Embedder(args.model_dir)
    gallery = Gallery(args.gallery, model)
    for path in args.audio:
        found = gallery.verify_file(args.name, path, args.false_accept, args.p_target)
        warn_of_seconds(model.calibration, [found.seconds])
        answer = "accepted" if found.accepted else "not accepted"
        print(f"{path}: {answer} as {args.name} ({describe(found.match, found.false_accept)})", flush=True)


def _arguments(argv):
    options = parser(__doc__)
    add_gallery_options(options)
    options.add_argument("name", metavar="NAME", help="of an enrolled speaker")
    options.add_argument("audio", metavar="AUDIO", nargs="+", help="audio files of one speaker each")
    add_decision_options(options, "--p-target", "it is this speaker; changes the probability, not the answer")
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
