"""Describes this machine for a distributed training: versions, code, and what is in files and directories.

nnet.bin.launch runs it on each host (--hosts) before a training begins, and compares the answers.
"""

from nnet.bin.cli import parser, run
from nnet.jobs.hosts import answer


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--address", action="append", default=[], help="an address that should be one of this machine")
    p.add_argument("paths", metavar="PATH", nargs="*", help="file, data directory or model directory")
    args = p.parse_args(argv)
    print(answer(args.paths, args.address))


if __name__ == "__main__":
    run(main)
