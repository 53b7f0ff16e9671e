"""Runs a command and prints its resource usage as a line of JSON: `python -m benchmarks.process COMMAND ...`.

Benchmarks start the measured program through this small process, because on Linux the peak memory of a process starts
at that of its parent, and a benchmark may use more memory than the measured program.
"""

import json
import os
import subprocess
import sys
import time
from collections import namedtuple

from nnet.errors import InputError

Usage = namedtuple("Usage", "seconds processor mebibytes")
Usage.__doc__ = "Wall time and processor time in seconds, and peak memory in MiB."


def measured(*arguments):
    """Returns the command line that runs `python ARGUMENTS` and prints its Usage at the end."""
    return [sys.executable, "-m", "benchmarks.process", sys.executable, *map(str, arguments)]


def usage_of(*arguments):
    """Runs `python ARGUMENTS`; returns its Usage and the lines that it prints."""
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
