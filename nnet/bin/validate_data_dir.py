"""Validates a Kaldi data directory: files are sorted, without duplicates, and agree on utterances and speakers.

Exits with code 0 if it is valid, else with code 1 and one line that names the file and the entry.
"""

from nnet.bin.cli import parser, run
from nnet.datadir.validate import EXEMPTIONS, describe, validate


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("data", help="the data directory")
    for flag, (argument, help) in EXEMPTIONS.items():
        options.add_argument(flag, dest=argument, action="store_false", help=help)
    args = vars(options.parse_args(argv))
    print(describe(validate(args.pop("data"), **args)))


if __name__ == "__main__":
    run(main)
