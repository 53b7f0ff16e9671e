"""Runs benchmarks and writes their tables as Markdown, each as soon as it is measured."""

import importlib
import importlib.util
import sys

from benchmarks.report import machine, markdown
from nnet.bin.cli import number, parser, run
from nnet.errors import InputError

# Each benchmark with the packages that it needs in addition to the toolkit's dependencies.
NEEDS = {
    "training": ("torch",),
    "extraction": ("torch", "onnx", "onnxruntime", "openvino"),
    "recent": ("torch", "onnx", "onnxruntime"),
    "layers": (),
    "features": ("kaldi_native_fbank",),
    "loader": ("kaldiio", "kaldi_native_fbank"),
    "augmentation": (),
    "distributed": (),
    "scale": (),
    "heads": (),
    "backend": (),
    "gallery": (),
}


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--rounds", type=number(int, low=1), default=7, help="number of measurements of each implementation")
    p.add_argument("--output", metavar="FILE", help="also write the tables to this file")
    p.add_argument("names", metavar="NAME", nargs="*", help=f"{', '.join(NEEDS)}; without names: all")
    args = p.parse_args(argv)
    names = args.names or list(NEEDS)
    for name in names:
        check(name)
    write = Writer(args.output)
    write("\n".join(f"- {line}" for line in machine()) + "\n")
    for name in names:
        for table in importlib.import_module(f"benchmarks.{name}").tables(args.rounds):
            write(markdown(table))


def check(name):
    """Raises InputError if there is no such benchmark, or if packages that it needs are not installed."""
    if name not in NEEDS:
        raise InputError(f"{name} is not a benchmark; known: {', '.join(NEEDS)}")
    missing = [package for package in NEEDS[name] if not importlib.util.find_spec(package)]
    if missing:
        packages = " ".join(missing).replace("_", "-")
        raise InputError(f"{name} needs packages that are not installed: pip install {packages}")


class Writer:
    """Prints text, and also writes it to a file if a path is given."""

    def __init__(self, path):
        self.file = open(path, "w", encoding="utf-8") if path else None  # noqa: SIM115

    def __call__(self, text):
        for file in filter(None, (sys.stdout, self.file)):
            print(text, file=file, flush=True)


if __name__ == "__main__":
    run(main)
