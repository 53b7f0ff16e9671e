"""What an attempt of the campaign may come to."""

from collections import namedtuple

import numpy as np

from nnet.errors import LONGEST, InputError

UNCHANGED = "unchanged"  # the same result as without the attack
ACCEPTED = "accepted"  # another result, which no file could tell from a right one: a changed digit, say
REFUSED = "refused"  # in one line
TRACEBACK = "traceback"  # or a crash, or a message of any length
HANG = "hang"
SILENT = "silent"  # lost data, numbers that are none, or other bits after a repeated call
FAILURES = (TRACEBACK, HANG, SILENT)

Outcome = namedtuple("Outcome", "kind what", defaults=("",))


def outcome_of(use, expected, must_notice):
    """Calls `use` and judges what it returns or raises.

    Args:
        use: function without arguments; returns a list of arrays, numbers and texts.
        expected: what it returned before the attack.
        must_notice: whether a file that can tell was shortened, so that another result is a loss.
    """
    try:
        found = use()
    except InputError as error:
        return Outcome(REFUSED if len(str(error)) < 2 * LONGEST else TRACEBACK, str(error))
    except Exception as error:  # whatever else is raised is what the campaign looks for
        return Outcome(TRACEBACK, repr(error)[:300])
    if not all(map(is_finite, found)):
        return Outcome(SILENT, "numbers that are none")
    if same(found, expected):
        return Outcome(UNCHANGED)
    return Outcome(SILENT, "shortened, and read as if it were whole") if must_notice else Outcome(ACCEPTED)


def is_finite(value):
    """Returns whether an array or number is finite; whatever is neither counts as finite."""
    kind = np.asarray(value).dtype.kind
    return kind not in "fc" or bool(np.isfinite(value).all())


def same(found, expected):
    """Returns whether two lists of arrays, numbers and texts are equal."""
    return len(found) == len(expected) and all(map(np.array_equal, found, expected))
