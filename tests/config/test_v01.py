"""Configurations of version 0.1: every key, type and default that it wrote is read, and means the same.

v0.1.json holds the sections that version 0.1 (commit 01a99b8) resolves from empty ones, each type in turn.
"""

import json
from pathlib import Path

import pytest

from nnet.config import build_config

SECTIONS = json.loads((Path(__file__).parent / "v0.1.json").read_text())
CASES = [(section, values) for section, alternatives in SECTIONS.items() for values in alternatives]
# Defaults that have changed since and alter no result; keys that are new since do what 0.1 did by their defaults.
CHANGED = {"data": {"num_workers": None}}
SECTION_KEYS = {section: set().union(*alternatives) for section, alternatives in SECTIONS.items()}
IDS = [f"{section}-{values.get('type', '')}" for section, values in CASES]


def resolved(section, values):
    source = {"data": {"source": "audio"}} if section == "augmentation" else {}
    config = build_config(source | {section: [values] if section == "auxiliary" else values}, "c.json")
    whole = json.loads(json.dumps(config.to_dict()))
    found = whole[section][0] if section == "auxiliary" else whole[section]
    return {key: found[key] for key in found if key in SECTION_KEYS[section]}


@pytest.mark.parametrize(("section", "values"), CASES, ids=IDS)
def test_a_section_of_version_01_is_read_as_it_was_written(section, values):
    assert resolved(section, values) == values


@pytest.mark.parametrize(("section", "values"), CASES, ids=IDS)
def test_the_defaults_of_version_01_stay(section, values):
    given = {key: values[key] for key in ("type", "rates") if values.get(key)}
    assert resolved(section, given) == values | CHANGED.get(section, {})
