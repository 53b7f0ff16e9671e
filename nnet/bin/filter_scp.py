"""Prints the lines of a table whose key is in a list: `filter_scp.sh [--exclude] [-f N] LIST [TABLE]`.

The keys are the first words of the lines of LIST; without TABLE, standard input is read.
"""

import sys

from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.kaldi.tables import read_lines, read_list


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("--exclude", action="store_true", help="print the lines whose key is not in the list")
    options.add_argument(
        "-f", type=int, default=1, dest="field", metavar="N", help="which field of TABLE is the key, counted from 1"
    )
    options.add_argument("list", help="the keys")
    options.add_argument("table", nargs="?", help="the table")
    args = options.parse_args(argv)
    if args.field < 1:
        raise InputError(f"-f: fields are counted from 1, not {args.field}")
    keys = set(read_list(args.list))
    for number, line in read_lines(args.table) if args.table else enumerate(sys.stdin, 1):
        words = line.split()
        if len(words) < args.field:
            raise InputError(f"{args.table or 'standard input'}:{number}: fewer than {args.field} fields")
        if (words[args.field - 1] in keys) != args.exclude:
            print(line.rstrip("\n"))


if __name__ == "__main__":
    run(main)
