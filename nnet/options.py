"""Options: dataclass fields with documentation and range, and the checks of their values."""

import dataclasses
import difflib
import inspect
import types
import typing

from nnet.errors import InputError

INT32_LIMIT = 1 << 31  # the dimensions of an array in MLX are integers of 32 bits


def option(default, doc, *, low=None, high=None, above=None, below=None, choices=None):
    """Declares a dataclass field with documentation and range.

    Args:
        default: default value; a tuple for lists.
        doc: meaning in one or two sentences, with units.
        low, high: minimum and maximum (of each element of a tuple).
        above, below: exclusive bounds.
        choices: allowed values.
    """
    metadata = {"doc": doc, "low": low, "high": high, "above": above, "below": below, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


def options_of(cls):
    """Returns the options dataclass of a class: the type of the default of its constructor argument `options`.

    A class declares it as in `def __init__(self, input_dim, options=ResNetOptions())`, and nowhere else.
    """
    return type(inspect.signature(cls).parameters["options"].default)


def build_section(cls, values, where):
    """Builds the dataclass `cls` from a JSON object and checks every key and value.

    Args:
        cls: a frozen dataclass whose fields come from `option`.
        values: the parsed JSON object.
        where: name of the section in errors, such as "conf.json: loss".

    Raises:
        InputError: an unknown key, or a value of the wrong type or out of range.
    """
    if not isinstance(values, dict):
        raise InputError(f"{where} must be an object {{...}}, not {values!r}")
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in fields:
            raise InputError(f"{where}.{key} is not a known key{nearest(key, fields)}")
    checked = {k: check_value(v, hints[k], fields[k], f"{where}.{k}") for k, v in values.items()}
    return cls(**checked)


def nearest(word, known):
    """Returns '; did you mean "x"?' or the list of known words, the end of an error message."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; known: {', '.join(sorted(known))}"


def check_value(value, hint, field, where):
    """Converts a value to the annotated type; raises InputError for a wrong type or a value out of range."""
    value = _convert(value, hint, where)
    elements = value if isinstance(value, tuple) else (value,)
    for element in elements:
        _check_range(element, field.metadata, where)
    return value


def check_ranges(options):
    """Raises InputError if a field of an options dataclass, which may have been built directly, is out of range."""
    for field in dataclasses.fields(options):
        _check_range(getattr(options, field.name), field.metadata, field.name)


def _convert(value, hint, where):
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return _convert_union(value, typing.get_args(hint), where)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise InputError(f"{where} must be a list, not {value!r}")
        element = typing.get_args(hint)[0]
        return tuple(_convert(v, element, f"{where}[{i}]") for i, v in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
        return float(value)
    if hint is int and type(value) is int and not abs(value) < INT32_LIMIT:
        raise InputError(f"{where} must be an integer of 32 bits, not {value}")
    if type(value) is hint:
        return value
    raise InputError(f"{where} must be {type_name(hint)}, not {value!r}")


def _convert_union(value, hints, where):
    if value is None and type(None) in hints:
        return None
    kinds = [h for h in hints if h is not type(None)]
    for hint in kinds:
        try:
            return _convert(value, hint, where)
        except InputError:
            continue
    raise InputError(f"{where} must be {' or '.join(map(type_name, hints))}, not {value!r}")


def type_name(hint):
    """Returns the name of a type in terms of JSON."""
    names = {int: "an integer", float: "a number", bool: "true or false", str: "a string", type(None): "null"}
    if hint in names:
        return names[hint]
    if typing.get_origin(hint) is tuple:
        return f"a list, each element {type_name(typing.get_args(hint)[0])}"
    return " or ".join(type_name(h) for h in typing.get_args(hint))


def _check_range(value, meta, where):
    if value is None:
        return
    if meta["choices"] is not None and value not in meta["choices"]:
        known = ", ".join(str(c) for c in meta["choices"])
        raise InputError(f"{where} must be one of {known}, not {value!r}")
    if isinstance(value, (str, bool)):
        return
    if value != value or value in (float("inf"), float("-inf")):
        raise InputError(f"{where} must be a finite number, not {value!r}")
    if meta["low"] is not None and value < meta["low"]:
        raise InputError(f"{where} must be at least {meta['low']}, not {value!r}")
    if meta["high"] is not None and value > meta["high"]:
        raise InputError(f"{where} must be at most {meta['high']}, not {value!r}")
    if meta["above"] is not None and value <= meta["above"]:
        raise InputError(f"{where} must be above {meta['above']}, not {value!r}")
    if meta["below"] is not None and value >= meta["below"]:
        raise InputError(f"{where} must be below {meta['below']}, not {value!r}")
