"""Implementations of the same work that take turns, each in a process of its own with the same number of threads.

A module enters a contest with a dict `SIDES`, name → function of a case (a string) that returns the work, a function
without arguments. Importing the module must import neither MLX nor PyTorch: a side does that.
"""

import importlib
import os
import statistics
import subprocess
import sys
from collections import namedtuple
from functools import partial

from benchmarks.process import measured, read_usage
from benchmarks.report import num_threads
from benchmarks.timing import in_turns, seconds
from nnet.errors import InputError

TURN_SECONDS = 0.5

Result = namedtuple("Result", "seconds fastest mebibytes")
Result.__doc__ = (
    "The median and the least over the turns of the seconds that the work took, and its process's most memory."
)


def compare(module, case, rounds, sides=("ours", "PyTorch"), warm_up=2):
    """Runs a case in the sides of a module: a Result of each.

    Args:
        module: its name.
        case: what its sides understand.
        rounds: turns of each side after the warm-up.
        sides: names in its `SIDES`.
        warm_up: turns of each side before.
    """
    threads = str(num_threads())
    environment = os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    workers = [start(module, side, case, environment) for side in sides]
    turns = [partial(work, worker) for worker in workers]
    in_turns(turns, warm_up)
    times = in_turns(turns, rounds)
    return [Result(statistics.median(own), min(own), end(worker)) for own, worker in zip(times, workers, strict=True)]


def start(module, side, case, environment):
    """A worker process."""
    command = measured("-m", "benchmarks.contest", module, side, case)
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def work(worker):
    """Has a worker do its work: the seconds that it took."""
    worker.stdin.write("\n")
    worker.stdin.flush()
    try:
        return float(worker.stdout.readline())
    except ValueError:  # the end of its output, or what it took until it failed
        raise InputError(f"{' '.join(worker.args[4:])} ended with status {worker.wait()}") from None


def end(worker):
    """Ends a worker: the most memory that it had, in MiB."""
    output, _ = worker.communicate()
    return read_usage(output).mebibytes


def serve(module, side, case):
    """The worker: does the work for each line of the standard input."""
    function = importlib.import_module(module).SIDES[side](case)
    for _ in sys.stdin:
        print(turn(function), flush=True)


def turn(function):
    """The mean seconds of the calls that fill a turn.

    Short work is repeated: in the caches that the other side has just filled it would measure little but the memory.
    """
    times = [seconds(function)]
    while sum(times) < TURN_SECONDS:
        times.append(seconds(function))
    return statistics.mean(times)


if __name__ == "__main__":
    serve(*sys.argv[1:])
