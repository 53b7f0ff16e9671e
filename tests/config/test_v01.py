"""Configurations of version 0.1: every key, type and default that it wrote is read, and means the same.

v0.1.json holds the sections that version 0.1 (commit 01a99b8) resolves from empty ones, each type in turn.
"""

import json
from pathlib import Path

import pytest

from nnet.config import build_config

SECTIONS = json.loads((Path(__file__).parent / "v0.1.json").read_text())
CASES = [(section, values) for section, alternatives in SECTIONS.items() for values in alternatives]
# Keys that have come since, with the values that mean what version 0.1 did.
SINCE = {"sample_classes": 1.0}
IDS = [f"{section}-{values.get('type', '')}" for section, values in CASES]


def resolved(section, values):
    source = {"data": {"source": "audio"}} if section == "augmentation" else {}
    config = build_config(source | {section: [values] if section == "auxiliary" else values}, "c.json")
    whole = json.loads(json.dumps(config.to_dict()))
    return whole[section][0] if section == "auxiliary" else whole[section]


def with_new_keys(values, resolved):
    """The values of version 0.1 and, of the keys that have come since, those that the section has."""
    return {key: value for key, value in SINCE.items() if key in resolved} | values


@pytest.mark.parametrize(("section", "values"), CASES, ids=IDS)
def test_a_section_of_version_01_is_read_as_it_was_written(section, values):
    now = resolved(section, values)
    assert now == with_new_keys(values, now)


@pytest.mark.parametrize(("section", "values"), CASES, ids=IDS)
def test_the_defaults_of_version_01_stay(section, values):
    given = {key: values[key] for key in ("type", "rates") if values.get(key)}
    now = resolved(section, given)
    assert now == with_new_keys(values, now)
