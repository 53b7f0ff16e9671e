"""Runs benchmarks and writes their tables as Markdown, each as soon as it is measured."""

import importlib
import sys

from benchmarks.report import machine, markdown
from nnet.bin.cli import parser, run
from nnet.errors import InputError

NAMES = ("training", "extraction")


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--rounds", type=int, default=7, help="times that each implementation does its work")
    p.add_argument("--output", metavar="FILE", help="where the tables go as well")
    p.add_argument("names", metavar="NAME", nargs="*", help=f"{', '.join(NAMES)}; without names: all")
    args = p.parse_args(argv)
    for name in args.names:
        if name not in NAMES:
            raise InputError(f"{name} is no benchmark; there are {', '.join(NAMES)}")
    if args.rounds < 1:
        raise InputError(f"--rounds {args.rounds}: at least 1 is needed")
    write = Writer(args.output)
    write("\n".join(f"- {line}" for line in machine()) + "\n")
    for name in args.names or NAMES:
        for table in importlib.import_module(f"benchmarks.{name}").tables(args.rounds):
            write(markdown(table))


class Writer:
    """Prints text, and adds it to a file where there is one."""

    def __init__(self, path):
        self.file = open(path, "w", encoding="utf-8") if path else None  # noqa: SIM115

    def __call__(self, text):
        for file in filter(None, (sys.stdout, self.file)):
            print(text, file=file, flush=True)


if __name__ == "__main__":
    run(main)
