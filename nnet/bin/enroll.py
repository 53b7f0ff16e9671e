"""Enrolls a speaker in a gallery from one or more recordings, or adds recordings to one who is enrolled.

Refuses recordings with less than half a second of speech, recordings that do not seem to be of one speaker, and a
speaker who resembles somebody else in the gallery. Says what would make the enrollment better. The first call creates
GALLERY.
"""

import logging

from nnet.bin.cli import boolean, parser, run
from nnet.bin.gallery_options import add_gallery_options
from nnet.gallery import Gallery
from nnet.model.embedder import Embedder

log = logging.getLogger(__name__)


def main(argv=None):
    args = _arguments(argv)
    gallery = Gallery(args.gallery, Embedder(args.model_dir))
    enrollment = gallery.enroll_files(args.name, args.audio, args.force)
    agreement = "" if enrollment.agreement is None else f", agreement {enrollment.agreement:.4f}"
    count = "1 recording" if enrollment.recordings == 1 else f"{enrollment.recordings} recordings"
    print(f"{args.name}: {count}, {enrollment.seconds:.1f} s of speech{agreement}")
    for reason in enrollment.lacking:
        log.warning("%s: %s", args.name, reason)


def _arguments(argv):
    options = parser(__doc__)
    add_gallery_options(options)
    options.add_argument("name", metavar="NAME", help="of the speaker, one word")
    options.add_argument("audio", metavar="AUDIO", nargs="+", help="audio files of this speaker alone")
    options.add_argument(
        "--force",
        type=boolean,
        default=False,
        help="enroll in spite of doubts about who speaks, or a repetition",
        metavar="true|false",
    )
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
