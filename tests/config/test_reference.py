"""The documentation of the keys is there for every key, and the page in docs/ is what the dataclasses say today."""

import dataclasses
import re

import pytest

from nnet.config.reference import SECTIONS, explain, reference_page, types_of
from nnet.errors import InputError


def test_the_page_is_fresh(root):
    fresh = (root / "docs" / "configuration.md").read_text() == reference_page()
    assert fresh, "run: python -m nnet.bin.check_config --reference > docs/configuration.md"


def test_every_row_of_a_table_has_five_cells():
    rows = [line for line in reference_page().splitlines() if line.startswith("| `")]
    assert rows and all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_and_key_is_explained(section):
    for cls in types_of(section).values():
        assert not cls.__doc__.startswith(cls.__name__ + "("), f"{cls.__name__} has no docstring"
        for field in dataclasses.fields(cls):
            assert field.metadata["doc"], field.name
            assert field.name in explain(f"{section}.{field.name}")


def test_a_misspelt_key_gets_its_neighbour():
    with pytest.raises(InputError, match='loss has no key marginn; did you mean "margin"?'):
        explain("loss.marginn")
    with pytest.raises(InputError, match='los is not a section; did you mean "loss"?'):
        explain("los.margin")
