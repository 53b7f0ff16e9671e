"""A short piece of the campaign of `python -m tests.campaign`: no traceback, no hang, nothing lost without a word."""

import pytest

from tests.campaign.outcomes import FAILURES
from tests.campaign.targets import LIBRARY, SCRIPTS, TARGETS, generator

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")  # tracebacks of finalizers
ATTEMPTS = dict.fromkeys(LIBRARY, 200) | dict.fromkeys(SCRIPTS, 1)


@pytest.mark.parametrize("name", TARGETS)
def test_damage_is_refused_in_one_line_or_mended_by_the_next_call(name, tmp_path):
    target = TARGETS[name]()
    target.prepare(tmp_path / name)
    found = {attempt: target.attempt(generator(0, name, attempt)) for attempt in range(ATTEMPTS[name])}
    assert {attempt: outcome for attempt, outcome in found.items() if outcome.kind in FAILURES} == {}
