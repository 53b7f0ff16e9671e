"""Prints the directory of a model given by name: that of a model of this package, or user/name of the Hub."""

import os

from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.model.hub import find_model, shipped_models


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("name", metavar="MODEL")
    name = p.parse_args(argv).name
    folder = find_model(name)
    if not os.path.isdir(folder):
        raise InputError(
            f"{name}: neither a model directory nor the name of a model; this package has "
            f"{', '.join(shipped_models()) or 'none'}"
        )
    print(folder)


if __name__ == "__main__":
    run(main)
