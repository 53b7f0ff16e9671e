"""Splits a Kaldi data directory for parallel jobs, into DATA/splitN/1 ... DATA/splitN/N.

Speakers are not divided; --per-utt splits by utterance, into DATA/splitNutt.
"""

from nnet.bin.cli import parser, run
from nnet.datadir.derive import split
from nnet.datadir.directory import DataDir
from nnet.errors import InputError


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("--per-utt", action="store_true", help="speakers may be divided")
    options.add_argument("data", help="the data directory")
    options.add_argument("jobs", help="number of parts")
    args = options.parse_args(argv)
    if not args.jobs.isdecimal():
        raise InputError(f"the number of parts must be a number, not {args.jobs}")
    split(DataDir(args.data), int(args.jobs), args.per_utt)


if __name__ == "__main__":
    run(main)
