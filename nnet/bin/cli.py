"""Command-line infrastructure of nnet.bin: argument parser, logging, error handling."""

import argparse
import dataclasses
import logging
import os
import sys
import typing

from nnet.errors import InputError, shortened
from nnet.malloc import keep_memory
from nnet.options import nearest


def parser(doc):
    """Returns an argument parser whose help starts with the module's docstring and shows defaults."""
    return _Parser(program_name(), description=doc, formatter_class=_Formatter, allow_abbrev=False)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        """Ends the program with a message of bounded length."""
        super().error(shortened(message))

    def parse_args(self, args=None, namespace=None):
        """Parses the arguments; the error for an unknown option suggests the most similar one."""
        namespace, unknown = self.parse_known_args(args, namespace)
        options = [word.partition("=")[0] for word in unknown if word.startswith("--")]
        if options:
            self.error(f"{options[0]}: no such option{nearest(options[0], self._option_string_actions)}")
        if unknown:
            self.error(f"unexpected arguments: {' '.join(unknown)}")
        return namespace


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def _get_help_string(self, action):
        if not action.option_strings or action.nargs == 0 or action.default in (None, [], ()):
            return action.help
        default = format_value(action.default).replace("%", "%%")
        return f"{action.help or ''} (default: {default})".strip()


def format_value(value):
    """Formats a value as it is written on a command line: true, 0.5, 15:10:5."""
    if isinstance(value, bool):
        return str(value).lower()
    return ":".join(f"{v:g}" for v in value) if isinstance(value, tuple) else str(value)


def boolean(text):
    """Argparse type for Kaldi's booleans: `--compress true`."""
    if text in ("true", "false"):
        return text == "true"
    raise argparse.ArgumentTypeError(f"must be true or false, not {text!r}")


def number(kind, low=None, high=None, above=None, below=None):
    """Makes an argparse type: a finite int or float within bounds; `low` and `high` are inclusive bounds."""

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

    convert.__name__ = kind.__name__  # argparse shows it if the text is not a number
    return convert


def numbers(kind, **bounds):
    """Makes an argparse type for Kaldi's lists of numbers, 15:10:5:0; the value is a tuple."""
    convert_one = number(kind, **bounds)

    def convert(text):
        return tuple(convert_one(word) for word in text.split(":"))

    convert.__name__ = f"list of {kind.__name__}"
    return convert


def add_options(parser, cls, skip=(), **flags):
    """Adds a flag for each field of an options dataclass, with the field's default, range, choices and help.

    Args:
        parser: an argparse parser, or a group of its arguments.
        cls: a dataclass whose fields come from `nnet.options.option`.
        skip: names of fields without a flag, which keep their defaults.
        flags: flags that differ from the field's name: `method="--adapt-method"`.
    """
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if field.name in skip:
            continue
        flag = flags.get(field.name, f"--{field.name.replace('_', '-')}")
        choices = field.metadata["choices"]
        parser.add_argument(
            flag,
            dest=_destination(cls, field),
            default=field.default,
            type=_argparse_type(hints[field.name], field.metadata),
            choices=choices,
            metavar=None if choices else flag.strip("-").replace("-", "_").upper(),
            help=field.metadata["doc"].replace("%", "%%"),
        )


def options_from(args, cls):
    """Makes a `cls` from the arguments parsed by the flags of `add_options`."""
    given = {f.name: getattr(args, _destination(cls, f), f.default) for f in dataclasses.fields(cls)}
    return cls(**given)


def _destination(cls, field):
    return f"{cls.__name__}.{field.name}"


def _argparse_type(hint, metadata):
    """Returns the argparse type for an annotation with the range of the field; an absent flag gives None."""
    bounds = {name: metadata[name] for name in ("low", "high", "above", "below")}
    if typing.get_origin(hint) is tuple:
        return numbers(typing.get_args(hint)[0], **bounds)
    kind = next(kind for kind in (bool, int, float, str) if kind in (hint, *typing.get_args(hint)))
    return {bool: boolean, str: str}.get(kind) or number(kind, **bounds)


def run(main):
    """Runs `main` as a program: prints a user's errors as one line, exits with a nonzero code on every failure."""
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


def program_name():
    """Returns the program name in help and errors: X for `python -m nnet.bin.X`, or `mlx-speaker VERB`."""
    module = sys.modules["__main__"].__spec__
    package, _, program = module.name.rpartition(".") if module else ("", "", "")
    return program if package == "nnet.bin" and program != "speaker" else os.path.basename(sys.argv[0])


def _fail(message):
    print(f"{program_name()}: error: {' '.join(message.splitlines())}", file=sys.stderr)
    sys.exit(1)
