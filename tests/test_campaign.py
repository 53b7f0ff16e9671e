"""A short piece of the campaign of `python -m tests.campaign`: no traceback, no hang, nothing lost without a word."""

import pytest

from tests.campaign.outcomes import FAILURES
from tests.campaign.targets import LIBRARY, generator

ATTEMPTS = 12


@pytest.mark.parametrize("name", LIBRARY)
def test_damaged_files_are_refused_in_one_line(name, tmp_path):
    target = LIBRARY[name]()
    target.prepare(tmp_path / name)
    found = {attempt: target.attempt(generator(0, name, attempt)) for attempt in range(ATTEMPTS)}
    assert {attempt: outcome for attempt, outcome in found.items() if outcome.kind in FAILURES} == {}
