"""Lists the speakers of a gallery: name, number of recordings, seconds of speech."""

import os

from nnet.bin.cli import parser, run
from nnet.bin.gallery_options import add_gallery_options
from nnet.errors import InputError
from nnet.gallery import Gallery


def main(argv=None):
    options = parser(__doc__)
    add_gallery_options(options, model=False)
    args = options.parse_args(argv)
    if not os.path.exists(args.gallery):
        raise InputError(f"{args.gallery}: no such gallery")
    for voice in Gallery(args.gallery).voices:
        print(voice.name, len(voice.durations), f"{voice.seconds:.1f}")


if __name__ == "__main__":
    run(main)
