"""Times of functions that take turns in one process. Where each needs a process of its own: `benchmarks.contest`."""

import statistics
import time


def seconds(work, clock=time.perf_counter):
    """How long a function without arguments takes."""
    started = clock()
    work()
    return clock() - started


def in_turns(measures, rounds):
    """What functions without arguments return, called in turns: for each a tuple of `rounds` values."""
    return list(zip(*[[measure() for measure in measures] for _ in range(rounds)], strict=True))


def medians(works, rounds, clock=time.perf_counter):
    """The median seconds of functions without arguments, in turns after a warm-up of each.

    With `time.process_time` for a clock they are those of this process's cores, whatever else keeps the machine busy.
    """
    for work in works:
        work()
    times = in_turns([lambda work=work: seconds(work, clock) for work in works], rounds)
    return [statistics.median(own) for own in times]
