"""An option stands once: in the dataclass that a class has as the default of its constructor's `options`."""

import dataclasses
import inspect
import typing

import pytest

from nnet.losses import AUXILIARY_LOSSES, LOSSES
from nnet.networks import NETWORKS
from nnet.optim.optimizers import OPTIMIZERS
from nnet.optim.schedules import SCHEDULES
from nnet.options import check_value, options_of
from nnet.poolings import POOLINGS

SIZES = {"epochs": 3, "input_dim": 72, "in_dim": 24, "num_speakers": 5, "endpoint_dims": {}}
REGISTRIES = (NETWORKS, POOLINGS, LOSSES, AUXILIARY_LOSSES, OPTIMIZERS, SCHEDULES)
CLASSES = [(name, cls) for registry in REGISTRIES for name, cls in registry.items()]
every = pytest.mark.parametrize("cls", [cls for _, cls in CLASSES], ids=[name for name, _ in CLASSES])


@every
def test_the_constructor_takes_sizes_and_options_and_nothing_else(cls):
    parameters = inspect.signature(cls).parameters
    assert parameters.keys() - SIZES.keys() == {"options"}
    cls(**{name: SIZES[name] for name in parameters if name in SIZES})


@every
def test_no_other_type_has_the_same_options_class(cls):
    """As a subclass would that forgot a constructor of its own."""
    assert sum(options_of(other) is options_of(cls) for _, other in CLASSES) == 1


@every
def test_the_defaults_are_within_their_own_ranges(cls):
    options = options_of(cls)
    hints = typing.get_type_hints(options)
    for field in dataclasses.fields(options):
        check_value(field.default, hints[field.name], field, field.name)
