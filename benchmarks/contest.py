"""Compares implementations that take turns, each in its own process with the same number of threads.

A module has a dict `SIDES` from name to a function of a case (a string) that returns the work, a function without
arguments. Importing the module must import neither MLX nor PyTorch: the functions in SIDES do that.
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
    "Median and minimum over the turns of the seconds that the work took, and the peak memory of its process."
)


def compare(module, case, rounds, sides=("ours", "PyTorch"), warm_up=2):
    """Runs a case with several implementations of a module; returns a list with the Result of each.

    Args:
        module: name of the module.
        case: argument of the functions in its `SIDES`.
        rounds: turns of each implementation after the warm-up.
        sides: keys of its `SIDES`.
        warm_up: turns of each implementation before the measurement.
    """
    threads = str(num_threads())
    environment = os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    workers = [start(module, side, case, environment) for side in sides]
    turns = [partial(work, worker) for worker in workers]
    in_turns(turns, warm_up)
    times = in_turns(turns, rounds)
    return [Result(statistics.median(own), min(own), end(worker)) for own, worker in zip(times, workers, strict=True)]


def start(module, side, case, environment):
    """Starts a worker process."""
    command = measured("-m", "benchmarks.contest", module, side, case)
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def work(worker):
    """Lets a worker do its work; returns the seconds that it took."""
    try:
        worker.stdin.write("\n")
        worker.stdin.flush()
        return float(worker.stdout.readline())
    except (ValueError, BrokenPipeError):  # the worker ended, or failed
        raise InputError(f"{' '.join(worker.args[4:])} ended with status {worker.wait()}") from None


def end(worker):
    """Ends a worker; returns its peak memory in MiB."""
    output, _ = worker.communicate()
    return read_usage(output).mebibytes


def serve(module, side, case):
    """Runs in the worker process: does the work for each line of standard input."""
    function = importlib.import_module(module).SIDES[side](case)
    for _ in sys.stdin:
        print(turn(function), flush=True)


def turn(function):
    """Repeats the work for TURN_SECONDS and returns the mean seconds per call.

    Short work must be repeated, because the other implementation has just evicted its data from the caches.
    """
    times = [seconds(function)]
    while sum(times) < TURN_SECONDS:
        times.append(seconds(function))
    return statistics.mean(times)


if __name__ == "__main__":
    serve(*sys.argv[1:])
