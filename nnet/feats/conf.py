"""Kaldi's configuration files: lines of `--name=value`, with comments after `#`."""

import dataclasses
import typing

from nnet.errors import InputError
from nnet.files import atomic_write, read_text
from nnet.options import check_value, nearest, type_name

# Options of Kaldi's programs that do not affect the features; accepted and ignored.
WITHOUT_EFFECT = ("debug-mel", "max-feature-vectors", "verbose", "print-args")

BOOLEANS = {"true": True, "t": True, "1": True, "": True, "false": False, "f": False, "0": False}


def read_conf(path, cls):
    """Reads a dataclass `cls` of `option` fields from a file; None gives its defaults.

    Raises:
        InputError: an unknown name or invalid value; names file and line, and the nearest known name.
    """
    if path is None:
        return cls()
    fields = {field.name.replace("_", "-"): field for field in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    values = {}
    for where, name, text in _options(path):
        if name in WITHOUT_EFFECT:
            continue
        if name not in fields:
            raise InputError(f"{where}: unknown option --{name}{nearest(name, fields)}")
        field = fields[name]
        where = f"{where}: --{name}"
        values[field.name] = check_value(_parse(text, hints[field.name], where), hints[field.name], field, where)
    try:
        return cls(**values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def write_conf(path, options, note):
    """Writes the options that differ from their defaults to a file for `read_conf`.

    Args:
        path: the file.
        options: a dataclass of `option` fields.
        note: comment on the first line.
    """
    values = {f.name.replace("_", "-"): (getattr(options, f.name), f.default) for f in dataclasses.fields(options)}
    with atomic_write(path) as file:
        file.write(f"# {note}\n")
        for name, (value, default) in values.items():
            if value != default:
                file.write(f"--{name}={str(value).lower() if isinstance(value, bool) else value}\n")


def _options(path):
    """Yields (file:line, name, value as text) of every option; as in Kaldi, a bare `--name` means true."""
    for number, line in enumerate(read_text(path).split("\n"), 1):
        text = line.split("#", 1)[0].strip()
        if not text:
            continue
        if not text.startswith("--"):
            raise InputError(f"{path}:{number}: expected --name=value, found {text!r}")
        name, _, value = text[2:].partition("=")
        yield f"{path}:{number}", name.strip().replace("_", "-"), value.strip()


def _parse(text, kind, where):
    if kind is str:
        return text
    try:
        return BOOLEANS[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise InputError(f"{where} must be {type_name(kind)}, not {text!r}") from None
