"""Checks a Kaldi data directory: sorted files without repetitions that speak of the same utterances and speakers.

Exit code 0 where all is well, else 1 and one line that names the file and the entry.
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
