"""Resolves sections with a type: finds the class that the type names and checks its options.

A type is a name in a registry, such as "resnet", or "package.module:Class" for a class outside this package.
"""

import dataclasses
import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nnet.errors import InputError
from nnet.losses import AUXILIARY_LOSSES, LOSSES, AuxiliaryLoss, Loss
from nnet.networks import NETWORKS, Network
from nnet.optim.optimizers import OPTIMIZERS, Optimizer
from nnet.optim.schedules import SCHEDULES, Schedule
from nnet.options import build_section, nearest, options_of
from nnet.poolings import POOLINGS, Pooling


@dataclass(frozen=True)
class Kind:
    """The types that a section may have.

    Args:
        registry: dict from name to class.
        base: the class that a user-defined class must derive from.
        default: the type if a configuration names none; None: it must name one.
    """

    registry: Mapping[str, type]
    base: type
    default: str | None


KINDS = {
    "network": Kind(NETWORKS, Network, "tdnn"),
    "pooling": Kind(POOLINGS, Pooling, "statistics"),
    "loss": Kind(LOSSES, Loss, "softmax"),
    "optimizer": Kind(OPTIMIZERS, Optimizer, "momentum"),
    "schedule": Kind(SCHEDULES, Schedule, "validation"),
    "auxiliary": Kind(AUXILIARY_LOSSES, AuxiliaryLoss, None),
}


@dataclass(frozen=True)
class Choice:
    """A resolved section with a type: the name in the configuration, the class, and an object of its options."""

    type: str
    cls: Callable[..., Any]
    options: Any

    def build(self, *sizes, **more):
        """Constructs the class; the arguments are those of its constructor other than the options."""
        return self.cls(*sizes, options=self.options, **more)

    def to_dict(self):
        """Returns the section as a JSON object, including all defaults."""
        return {"type": self.type} | dataclasses.asdict(self.options)


def build_choice(section, values, where):
    """Makes a Choice from a JSON object and checks every key and value.

    Args:
        section: a key of `KINDS`.
        values: the parsed JSON object.
        where: name of the section in errors, such as "conf.json: loss".
    """
    if not isinstance(values, dict):
        raise InputError(f"{where} must be an object {{...}}, not {values!r}")
    values = dict(values)
    name = values.pop("type", KINDS[section].default)
    cls = find_class(section, name, f"{where}.type")
    options = options_of(cls)
    own = option_names(cls)
    for key in values:
        if key not in own:
            others = [n for n, other in KINDS[section].registry.items() if key in option_names(other)]
            tail = f"; it belongs to type {', '.join(others)}" if others else nearest(key, own | {"type"})
            raise InputError(f"{where}.{key} is not an option of type {name}{tail}")
    return Choice(name, cls, build_section(options, values, where))


def option_names(cls):
    """Returns the names of the options of a class."""
    return {f.name for f in dataclasses.fields(options_of(cls))}


def find_class(section, name, where):
    """Returns the class that a type names.

    Args:
        section: a key of `KINDS`.
        name: a name in its registry, or package.module:Class.
        where: name of the type in errors, such as "conf.json: loss.type".
    """
    kind = KINDS[section]
    if not isinstance(name, str):
        raise InputError(f"{where} {json.dumps(name)} is not known; known: {', '.join(sorted(kind.registry))}")
    if name in kind.registry:
        return kind.registry[name]
    if ":" in name:
        return _import_class(name, kind.base, f"{where} {json.dumps(name)}")
    tail = "; write a class of your own as package.module:Class" if "." in name else nearest(name, kind.registry)
    raise InputError(f"{where} {json.dumps(name)} is not known{tail}")


def _import_class(name, base, where):
    module_name, _, class_name = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a user's module may raise anything
        hint = "; is its folder in PYTHONPATH?" if isinstance(error, ModuleNotFoundError) else ""
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{where}: module {module_name} cannot be imported: {cause}{hint}") from error
    classes = {n: cls for n, cls in vars(module).items() if inspect.isclass(cls)}
    if class_name not in classes:
        raise InputError(f"{where}: module {module_name} has no class {class_name}{nearest(class_name, classes)}")
    cls = classes[class_name]
    if not issubclass(cls, base):
        raise InputError(f"{where}: {class_name} must derive from {base.__name__} of {base.__module__}")
    _check_options(cls, where)
    return cls


def _check_options(cls, where):
    """Refuses a class whose options are not an options dataclass of `nnet.options`."""
    parameter = inspect.signature(cls).parameters.get("options")
    default = getattr(parameter, "default", None)
    if isinstance(default, type) or not dataclasses.is_dataclass(default):
        raise InputError(
            f"{where}: {cls.__name__} has no options dataclass; give its constructor options=MyOptions() as a default"
        )
    strange = [f.name for f in dataclasses.fields(default) if "doc" not in f.metadata]
    if strange:
        raise InputError(f"{where}: declare {', '.join(strange)} of {type(default).__name__} with nnet.options.option")
