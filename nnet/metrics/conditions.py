"""Groups of trials by a property of their sides: gender, language, duration, or any utt2X map."""

import numpy as np

from nnet.errors import InputError

MOST_VALUES = 12  # numbers with more distinct values are grouped into ranges
NUM_RANGES = 3


def condition_labels(trials, table, path):
    """Assigns trials to groups.

    Args:
        trials: Trials.
        table: {id: value}; if only one side of a trial is in the table, its value is used.
        path: file of the table, for messages.

    Returns:
        (names of groups, int (N,) index of each trial's group; -1 if neither side is in the table).
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
    """Groups trials by the smaller number of the two sides, in ranges with about equal numbers of trials."""
    smaller = np.fmin(*_sides(trials, numbers, path))
    known = ~np.isnan(smaller)
    cuts = np.unique(np.quantile(smaller[known], np.arange(1, NUM_RANGES) / NUM_RANGES))
    groups = np.where(known, np.searchsorted(cuts, np.where(known, smaller, 0), side="right"), -1)
    between = [f"{a:g} to {b:g}" for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
    names = [f"below {cuts[0]:g}", *between, f"{cuts[-1]:g} and more"]
    return names, groups


def _sides(trials, table, path):
    """Returns the values of both sides, two float (N,), NaN if unknown."""
    enroll = np.array([table.get(key, np.nan) for key in trials.enroll_ids], float)
    test = np.array([table.get(key, np.nan) for key in trials.test_ids], float)
    if np.isnan(enroll).all() and np.isnan(test).all():
        raise InputError(f'{path}: contains none of the ids of {trials.path}, such as "{trials.test_ids[0]}"')
    return enroll[trials.enroll], test[trials.test]


def _as_numbers(table):
    """Converts a table to {id: number}; None if values are words or only a few distinct numbers."""
    try:
        numbers = {key: float(value) for key, value in table.items()}
    except ValueError:
        return None
    return numbers if len(set(numbers.values())) > MOST_VALUES else None
