"""Reads values from tf-kaldi-speaker's flat JSON, checks them, and keeps track of the keys read."""

from nnet.config.tf_kaldi.names import endpoint_name
from nnet.errors import InputError
from nnet.options import nearest

_NAMES = {float: "a number", int: "an integer", bool: "true or false", str: "a string", tuple: "a list"}


class Flat:
    """The flat object; `asked` holds the keys that were read."""

    def __init__(self, values, path):
        self.values, self.path = values, path
        self.asked = set()

    def take(self, key, kind, default=None):
        """Returns the value of a key.

        Args:
            key: the key.
            kind: float (also as a string such as "0.1", as in that toolkit), int, bool, str, or tuple for lists.
            default: the value of an absent key; None: the key is required.

        Raises:
            InputError: the key is missing, or its value is of another type.
        """
        self.asked.add(key)
        if key not in self.values:
            if default is None:
                raise self.error(f"{key} is missing")
            return default
        value = _convert(self.values[key], kind)
        if type(value) is not kind:
            raise self.error(f"{key} must be {_NAMES[kind]}, not {value!r}")
        return value

    def choice(self, key, known, default=None):
        """Returns the value of a key, which must be one of the strings `known`."""
        value = self.take(key, str, default)
        if value not in known:
            raise self.error(f"{key} {value!r} is not known{nearest(value, known)}")
        return value

    def endpoint(self, key):
        """Returns our name of the endpoint that the value of a key names."""
        name = endpoint_name(self.take(key, str))
        if name is None:
            raise self.error(
                f"{key} {self.values[key]!r} is not a node of tf-kaldi-speaker's network, such as tdnn4_relu"
            )
        return name

    def has(self, key):
        """Returns whether the key is present, and counts it as read."""
        self.asked.add(key)
        return key in self.values

    def error(self, message):
        """Returns an InputError that names the file."""
        return InputError(f"{self.path}: {message}")


def _convert(value, kind):
    if kind is tuple and isinstance(value, list):
        return tuple(value)
    if kind is float and is_number(value):
        return float(value)
    return value


def is_number(value):
    """Returns whether a JSON value is a number or a string that represents one."""
    if isinstance(value, bool):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
