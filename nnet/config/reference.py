"""The documentation of every key, taken from the dataclasses themselves."""

import dataclasses
import json
import typing

from nnet.config import OPTIONAL, PLAIN, Config
from nnet.config.types import KINDS
from nnet.errors import InputError
from nnet.options import nearest, options_of, type_name

SECTIONS = tuple(f.name for f in dataclasses.fields(Config) if f.name != "note")


def types_of(section, config=None):
    """Type → options dataclass of a section that has types; {None: dataclass} of one that has none.

    The types are those of the registry and, where a Config is given, those that it names itself.
    """
    if section not in KINDS:
        return {None: (PLAIN | OPTIONAL)[section]}
    types = {name: options_of(cls) for name, cls in KINDS[section].registry.items()}
    if config is not None:
        choices = config.auxiliary if section == "auxiliary" else [getattr(config, section)]
        types |= {choice.type: type(choice.options) for choice in choices}
    return types


def explain(name, config=None):
    """What `section`, `section.key` or `section.type` means, for a terminal.

    Args:
        name: the section, or section.key.
        config: a Config whose own classes (package.module:Class) are explained as well.
    """
    section, _, key = name.partition(".")
    if section not in SECTIONS:
        raise InputError(f"--explain {name}: {section} is not a section{nearest(section, SECTIONS)}")
    types = types_of(section, config)
    if not key:
        return "\n".join(_heading(section, kind, cls) + "".join(_lines(cls)) for kind, cls in types.items())
    if key == "type" and None not in types:
        return "\n".join(f"{kind}: {summary(cls)}" for kind, cls in types.items())
    holders = {kind: cls for kind, cls in types.items() if key in {f.name for f in dataclasses.fields(cls)}}
    if not holders:
        known = {f.name for cls in types.values() for f in dataclasses.fields(cls)}
        raise InputError(f"--explain {name}: {section} has no key {key}{nearest(key, known)}")
    return "\n".join(_heading(section, kind, cls) + "".join(_lines(cls, key)) for kind, cls in holders.items())


def _heading(section, kind, cls):
    return f"{section}{f' of type {kind}' if kind else ''}: {summary(cls)}\n"


def _lines(cls, only=None):
    for row in rows(cls):
        if only in (None, row["key"]):
            yield f"  {row['key']} ({row['type']}; {row['range']}default {row['default']}): {row['doc']}\n"


def summary(cls):
    """The docstring of a section on one line."""
    return " ".join((cls.__doc__ or "").split())


def rows(cls):
    """One dict of strings for each key of a dataclass: key, type, range, default, doc."""
    hints = typing.get_type_hints(cls)
    for f in dataclasses.fields(cls):
        yield {
            "key": f.name,
            "type": type_name(hints[f.name]),
            "range": _range(f.metadata),
            "default": json.dumps(f.default),
            "doc": f.metadata["doc"],
        }


def _range(meta):
    parts = []
    if meta["choices"] is not None:
        parts.append("one of " + ", ".join(str(c) for c in meta["choices"]))
    parts += [
        f"{word} {meta[k]}"
        for k, word in (("low", "at least"), ("above", "above"), ("high", "at most"))
        if meta[k] is not None
    ]
    return "".join(f"{p}; " for p in parts)


def reference_page():
    """docs/configuration.md."""
    out = [PAGE]
    for section in SECTIONS:
        out.append(f"\n## {section}\n")
        for kind, cls in types_of(section).items():
            out.append(f"\n### {section}.type: `{kind}`\n\n{summary(cls)}\n" if kind else f"\n{summary(cls)}\n")
            table = [_table_row(row) for row in rows(cls)]
            if table:
                out += ["\n| key | type | range | default | meaning |\n|---|---|---|---|---|\n", *table]
    return "".join(out)


def _table_row(row):
    cells = [f"`{row['key']}`", row["type"], row["range"].rstrip("; "), f"`{row['default']}`", row["doc"]]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


PAGE = """# Configuration: every key

Made by `python -m nnet.bin.check_config --reference`; do not edit. A configuration is one JSON with the sections below;
what it does not say has its default. `--set section.key=value` lays a value over it. The sections with types take
`"type"` and the keys of that type; `auxiliary` is a list of such objects. `"note"` is free text.

A type may also be a class of your own: `"type": "package.module:Class"` names one in a module that Python finds (put
its folder in `PYTHONPATH`). The class derives from `Network`, `Pooling`, `Loss`, `AuxiliaryLoss`, `Optimizer` or
`Schedule`. Its constructor has the default `options=MyOptions()`, a dataclass whose fields are made by
`nnet.options.option`; they are checked like the keys below, and
`python -m nnet.bin.check_config --explain network CONFIG.json` explains them.
"""
