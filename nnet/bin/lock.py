"""Locks a directory for the script that calls it (utils/jobs.sh), which keeps DIR/.lock open as DESCRIPTOR.

Prints the path of the directory. Fails if another program writes it.
"""

import os

from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.locks import FILE, is_current, take


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("directory", metavar="DIR")
    p.add_argument("descriptor", metavar="DESCRIPTOR", type=int)
    p.add_argument("pid", metavar="PID", type=int, help="process of the script, for messages")
    p.add_argument("command", metavar="COMMAND", help="its command line, for messages")
    args = p.parse_args(argv)
    take(args.directory, args.descriptor, holder=(args.pid, args.command))
    if not is_current(os.path.join(args.directory, FILE), args.descriptor):
        raise InputError(f"{args.directory}: another program has just finished with it; start again")
    print(os.path.realpath(args.directory))


if __name__ == "__main__":
    run(main)
