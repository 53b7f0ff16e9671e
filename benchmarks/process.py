"""Runs a command and prints what it took as a line of JSON: `python -m benchmarks.process COMMAND ...`.

A benchmark starts what it measures through this small process: on Linux the peak memory of a process begins with that
of the one that started it, and a benchmark may hold more than its subject.
"""

import json
import os
import subprocess
import sys
import time
from collections import namedtuple

from nnet.errors import InputError

Usage = namedtuple("Usage", "seconds processor mebibytes")
Usage.__doc__ = "Of the clock, of all cores together, and the most memory at a time."


def measured(*arguments):
    """The command line of `python ARGUMENTS`, which prints its Usage at the end."""
    return [sys.executable, "-m", "benchmarks.process", sys.executable, *map(str, arguments)]


def usage_of(*arguments):
    """Runs `python ARGUMENTS`: its Usage, and the lines that it prints."""
    process = subprocess.run(measured(*arguments), stdout=subprocess.PIPE, text=True)
    if process.returncode:
        raise InputError(f"{' '.join(map(str, arguments))} ended with status {process.returncode}")
    *lines, last = process.stdout.splitlines()
    return read_usage(last), lines


def read_usage(line):
    return Usage(*json.loads(line))


def main(command):
    started = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    numbers = time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit
    print(json.dumps(numbers), flush=True)
    return 1 if status else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
