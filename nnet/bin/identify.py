"""Finds out which enrolled speaker each audio file is of, or that it is nobody known.

--false-accept is the rate at which speakers who are not enrolled may be taken for anybody in the gallery. A line has
the file, the answer, and in parentheses the probability of the best match, the rate at which unknown speakers match
somebody so well, the cosine, and how much larger the log-likelihood ratio is than that of the second.
"""

from nnet.bin.audio_options import warn_of_seconds
from nnet.bin.cli import parser, run
from nnet.bin.gallery_options import add_gallery_options, add_identification_options, describe
from nnet.gallery import Gallery
from nnet.model.embedder import Embedder


def main(argv=None):
    args = _arguments(argv)
    model = Embedder(args.model_dir)
    gallery = Gallery(args.gallery, model)
    for path in args.audio:
        found = gallery.identify_file(path, args.false_accept, args.p_known)
        warn_of_seconds(model.calibration, [found.seconds])
        answer = found.name or f"nobody known; nearest: {found.best.name}"
        margin = f", {found.margin:.1f} before {found.second.name}" if found.second else ""
        print(f"{path}: {answer} ({describe(found.best, found.false_accept)}{margin})", flush=True)


def _arguments(argv):
    options = parser(__doc__)
    add_gallery_options(options)
    options.add_argument("audio", metavar="AUDIO", nargs="+", help="audio files of one speaker each")
    add_identification_options(options)
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
