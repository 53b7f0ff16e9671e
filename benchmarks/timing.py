"""Measures functions that take turns in one process; for separate processes, see `benchmarks.contest`."""

import statistics
import time


def seconds(work, clock=time.perf_counter):
    """Returns the seconds that a function without arguments takes."""
    started = clock()
    work()
    return clock() - started


def in_turns(measures, rounds):
    """Calls functions without arguments in turns; returns for each a tuple of its `rounds` results."""
    return list(zip(*[[measure() for measure in measures] for _ in range(rounds)], strict=True))


def medians(works, rounds, clock=time.perf_counter):
    """Returns the median seconds of functions without arguments, called in turns after a warm-up of each.

    With the clock `time.process_time`, the figures are processor time and independent of other load on the machine.
    """
    for work in works:
        work()
    times = in_turns([lambda work=work: seconds(work, clock) for work in works], rounds)
    return [statistics.median(own) for own in times]
