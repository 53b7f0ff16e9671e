"""Removes speakers from a gallery: the file is written anew, and nothing of them stays in it."""

from nnet.bin.cli import parser, run
from nnet.bin.gallery_options import add_gallery_options
from nnet.gallery import Gallery


def main(argv=None):
    options = parser(__doc__)
    add_gallery_options(options, model=False)
    options.add_argument("names", metavar="NAME", nargs="+", help="enrolled speakers")
    args = options.parse_args(argv)
    Gallery(args.gallery).forget(*args.names)


if __name__ == "__main__":
    run(main)
