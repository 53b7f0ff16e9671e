"""The flat JSON of tf-kaldi-speaker: its values by key, checked, and which keys were read."""

from nnet.config.tf_kaldi.names import endpoint_name
from nnet.errors import InputError
from nnet.options import nearest

_NAMES = {float: "a number", int: "an integer", bool: "true or false", str: "a string", tuple: "a list"}


class Flat:
    """The flat object, which remembers what it was asked for."""

    def __init__(self, values, path):
        self.values, self.path = values, path
        self.asked = set()

    def take(self, key, kind, default=None):
        """The value of a key; without a default the key must be there.

        Args:
            kind: float (a string such as "0.1" is fine, as there), int, bool, str, or tuple for lists.
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
        """A string out of a few."""
        value = self.take(key, str, default)
        if value not in known:
            raise self.error(f"{key} {value!r} is not known{nearest(value, known)}")
        return value

    def endpoint(self, key):
        """The name here of the node that a key names."""
        name = endpoint_name(self.take(key, str))
        if name is None:
            raise self.error(f"{key} {self.values[key]!r} is not a node of its network, such as tdnn4_relu")
        return name

    def has(self, key):
        """Whether the key is there; it counts as asked for."""
        self.asked.add(key)
        return key in self.values

    def error(self, message):
        """An InputError that names the file."""
        return InputError(f"{self.path}: {message}")


def _convert(value, kind):
    if kind is tuple and isinstance(value, list):
        return tuple(value)
    if kind is float and is_number(value):
        return float(value)
    return value


def is_number(value):
    """Whether a value of JSON is a number, or a string that says one."""
    if isinstance(value, bool):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
