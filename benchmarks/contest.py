"""Implementations of the same work that take turns, each in a process of its own with the same number of threads.

A module enters a contest with a dict `SIDES`, name → function of a case (a string) that returns the work, a function
without arguments. Importing the module must import neither MLX nor PyTorch: a side does that.
"""

import importlib
import os
import resource
import statistics
import subprocess
import sys
import time
from collections import namedtuple

from benchmarks.report import num_cores

Result = namedtuple("Result", "seconds fastest mebibytes")
Result.__doc__ = "The median and the least of the times that the work took, and the most memory of its process."

WARM_UP = 2


def compare(module, case, rounds, sides=("ours", "PyTorch")):
    """Runs a case in the sides of a module: a Result of each.

    Args:
        module: its name.
        case: what its sides understand.
        rounds: how often each side does the work after the warm-up, in turns.
        sides: names in its `SIDES`.
    """
    threads = os.environ.get("OMP_NUM_THREADS") or str(num_cores())
    environment = os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    workers = {side: start(module, side, case, environment) for side in sides}
    times = {side: [] for side in sides}
    for _ in range(rounds):
        for side, worker in workers.items():
            times[side].append(float(ask(worker, "work")))
    memory = {side: float(ask(worker, "memory")) for side, worker in workers.items()}
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    return [Result(statistics.median(times[side]), min(times[side]), memory[side]) for side in sides]


def start(module, side, case, environment):
    """A worker process that is warm when this returns."""
    command = [sys.executable, "-m", "benchmarks.contest", module, side, case]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    ask(worker, "warm up")
    return worker


def ask(worker, question):
    """What a worker prints upon a line."""
    worker.stdin.write(question + "\n")
    worker.stdin.flush()
    answer = worker.stdout.readline()
    if not answer:
        raise SystemExit(f"benchmarks: {' '.join(worker.args)} ended with status {worker.wait()}")
    return answer


def serve(module, side, case):
    """The worker: does as the lines of the standard input say."""
    work = importlib.import_module(module).SIDES[side](case)
    for line in sys.stdin:
        if line == "memory\n":
            unit = 2**20 if sys.platform == "darwin" else 2**10
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, flush=True)
            continue
        started = time.perf_counter()
        for _ in range(WARM_UP if line == "warm up\n" else 1):
            work()
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
