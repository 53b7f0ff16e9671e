"""What every command line of this package shares: the parser, the log, the way it ends."""

import argparse
import logging
import os
import sys

from nnet.errors import InputError
from nnet.malloc import keep_memory
from nnet.options import nearest


def parser(doc):
    """An argument parser whose help starts with the module's docstring and shows defaults."""
    return _Parser(description=doc, formatter_class=_Formatter, allow_abbrev=False)


class _Parser(argparse.ArgumentParser):
    def parse_args(self, args=None, namespace=None):
        """Parses all of the arguments; an unknown option is an error that names the most similar one."""
        namespace, unknown = self.parse_known_args(args, namespace)
        options = [word for word in unknown if word.startswith("--")]
        if options:
            self.error(f"{options[0]}: no such option{nearest(options[0], self._option_string_actions)}")
        if unknown:
            self.error(f"unexpected arguments: {' '.join(unknown)}")
        return namespace


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    pass


def boolean(text):
    """Kaldi's true and false as an argparse type: `--compress true`."""
    if text in ("true", "false"):
        return text == "true"
    raise argparse.ArgumentTypeError(f"must be true or false, not {text!r}")


def number(kind, low=None, high=None, above=None, below=None):
    """An argparse type: a finite int or float within bounds, `low` and `high` included, `above` and `below` not."""

    def convert(text):
        value = kind(text)
        inside = value - value == 0
        inside &= (low is None or value >= low) and (high is None or value <= high)
        inside &= (above is None or value > above) and (below is None or value < below)
        if not inside:
            bounds = {"at least": low, "at most": high, "above": above, "below": below}
            limits = " and ".join(f"{word} {bound}" for word, bound in bounds.items() if bound is not None)
            raise argparse.ArgumentTypeError(f"must be {limits or 'finite'}, not {text}")
        return value

    convert.__name__ = kind.__name__  # argparse calls it so where the text is no number
    return convert


def run(main):
    """Runs `main` as the whole process: one line for what a user can mend, exit code non-zero for every failure."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    keep_memory()
    try:
        status = main()
        sys.stdout.flush()
    except InputError as error:
        _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(status or 0)


def _fail(message):
    program = sys.modules["__main__"].__spec__
    name = program.name.rsplit(".", 1)[-1] if program else os.path.basename(sys.argv[0])
    print(f"{name}: error: {' '.join(message.splitlines())}", file=sys.stderr)
    sys.exit(1)
