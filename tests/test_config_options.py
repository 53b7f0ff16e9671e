"""A default is written once: constructors take the options of their dataclass, without defaults of their own."""

import dataclasses
import inspect

import pytest

from nnet.config.networks import NETWORK_OPTIONS
from nnet.config.poolings import POOLING_OPTIONS
from nnet.networks import NETWORKS
from nnet.options import check_value
from nnet.poolings import POOLINGS

REGISTRIES = {
    "network": (NETWORKS, NETWORK_OPTIONS, ["input_dim"]),
    "pooling": (POOLINGS, POOLING_OPTIONS, ["in_dim"]),
}
every = pytest.mark.parametrize(
    ("section", "name"), [(section, name) for section, (classes, _, _) in REGISTRIES.items() for name in classes]
)


@pytest.mark.parametrize("section", REGISTRIES)
def test_classes_and_options_have_the_same_names(section):
    classes, options, _ = REGISTRIES[section]
    assert list(classes) == list(options)


@every
def test_the_constructor_takes_the_options(section, name):
    classes, options, first = REGISTRIES[section]
    parameters = dict(inspect.signature(classes[name]).parameters)
    given = [*first, *(["endpoint_dims"] if getattr(classes[name], "uses_endpoints", False) else [])]
    assert sorted(parameters) == sorted(given + [f.name for f in dataclasses.fields(options[name])])
    assert all(parameters[f.name].default is inspect.Parameter.empty for f in dataclasses.fields(options[name]))


@every
def test_the_defaults_are_within_their_own_ranges(section, name):
    cls = REGISTRIES[section][1][name]
    hints = inspect.get_annotations(cls) | {k: v for c in cls.__mro__ for k, v in inspect.get_annotations(c).items()}
    for field in dataclasses.fields(cls):
        check_value(field.default, hints[field.name], field, f"{section}.{field.name}")
