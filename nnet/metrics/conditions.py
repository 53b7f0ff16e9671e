"""Groups of trials by what is known of their two sides: gender, language, duration, any utt2X map."""

import numpy as np

from nnet.errors import InputError

MOST_VALUES = 12  # numbers with more different values than this are cut into ranges
NUM_RANGES = 3


def condition_labels(trials, table, path):
    """The group of each trial.

    Args:
        trials: a Trials.
        table: {identifier: value}; where only one side of a trial is known, that side decides.
        path: its file, for messages.

    Returns:
        (names of groups, int (N,) position of each trial's group; -1 where neither side is known).
    """
    numbers = _as_numbers(table)
    if numbers is not None:
        return _ranges(trials, numbers, path)
    values = sorted(set(table.values()))
    code = {value: i for i, value in enumerate(values)}
    sides = _sides(trials, {key: code[value] for key, value in table.items()}, path)
    low, high = np.fmin(*sides), np.fmax(*sides)
    known = np.flatnonzero(~np.isnan(low))
    pairs, places = np.unique(np.stack([low[known], high[known]]).astype(int), axis=1, return_inverse=True)
    names = [values[a] if a == b else f"{values[a]} / {values[b]}" for a, b in pairs.T]
    groups = np.full(len(trials), -1)
    groups[known] = places
    return names, groups


def _ranges(trials, numbers, path):
    """Groups by the smaller number of the two sides, cut so that trials are shared out evenly."""
    smaller = np.fmin(*_sides(trials, numbers, path))
    known = ~np.isnan(smaller)
    cuts = np.unique(np.quantile(smaller[known], np.arange(1, NUM_RANGES) / NUM_RANGES))
    groups = np.where(known, np.searchsorted(cuts, np.where(known, smaller, 0), side="right"), -1)
    between = [f"{a:g} to {b:g}" for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
    names = [f"below {cuts[0]:g}", *between, f"{cuts[-1]:g} and more"]
    return names, groups


def _sides(trials, table, path):
    """Two float (N,): the value of each side, NaN where it is not known."""
    enroll = np.array([table.get(key, np.nan) for key in trials.enroll_ids], float)
    test = np.array([table.get(key, np.nan) for key in trials.test_ids], float)
    if np.isnan(enroll).all() and np.isnan(test).all():
        raise InputError(f'{path}: knows none of the identifiers of {trials.path}, such as "{trials.test_ids[0]}"')
    return enroll[trials.enroll], test[trials.test]


def _as_numbers(table):
    """{identifier: number}, or None where values are words or only a few different numbers."""
    try:
        numbers = {key: float(value) for key, value in table.items()}
    except ValueError:
        return None
    return numbers if len(set(numbers.values())) > MOST_VALUES else None
