"""Parses the command line of a job runner, which is that of Kaldi's run.pl, queue.pl and slurm.pl.

    [options] [JOB=FIRST:LAST] LOG COMMAND [ARGUMENT...]

This module and local.py import nothing that is slow to load, because every job starts with them.
"""

import re
import signal
from collections import namedtuple

from nnet.errors import InputError

ARRAY = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<first>\d+)(:(?P<last>\d+))?")
TAIL_LINES = 10


class Call(namedtuple("Call", "options name numbers log words")):
    """A command to run, once or as an array of jobs.

    Attributes:
        options: `{"--mem": "4G", ...}`.
        name: variable of the array, such as "JOB"; None for a single job.
        numbers: list of job numbers; [None] for a single job.
        log: path of the log, which contains `name`.
        words: the command and its arguments.
    """

    def fill(self, word, number):
        """Substitutes the job number for the array variable in a word."""
        return word if number is None else word.replace(self.name, str(number))

    def positive(self, option):
        """Returns the value of an option that must be a positive integer, None if it is not given."""
        text = self.options.get(option)
        if text is not None and not (text.isdecimal() and int(text) > 0):
            raise InputError(f"{option} must be an integer of at least 1, not {text}")
        return text and int(text)


class JobsFailed(Exception):
    """Raised when jobs fail; `details` are lines about the first failed job."""

    def __init__(self, message, details):
        super().__init__(message)
        self.details = details


class Interrupted(Exception):
    """Raised when a signal asks this process to end."""

    def __init__(self, number, what="the jobs are stopped"):
        super().__init__(f"stopped by signal {number}, {what}")
        self.number = number


def on_signals(handler):
    """Calls handler(number, frame) at SIGTERM, SIGINT and, unless `nohup` has this process ignore it, SIGHUP."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def parse(arguments):
    """Parses a command line into a Call."""
    words = list(arguments)
    options = {}
    array = None
    while words:
        match = ARRAY.fullmatch(words[0])
        if match and array is None:
            array = match
            words.pop(0)
        elif words[0].startswith("-") and len(words) > 1:
            option, value, *words = words
            options[option] = value
        else:
            break
    if len(words) < 2:
        raise InputError("expected [options] [JOB=FIRST:LAST] LOG COMMAND, see --help")
    name, numbers = _numbers(array)
    if len(numbers) > 1 and name not in words[0]:
        raise InputError(f"the log {words[0]} must contain {name}, otherwise all jobs write to the same file")
    return Call(options, name, numbers, words[0], words[1:])


def _numbers(array):
    if array is None:
        return None, [None]
    first = int(array["first"])
    last = int(array["last"] or first)
    if first < 1 or last < first:
        raise InputError(f"{array[0]}: not a range of jobs; FIRST must be at least 1, LAST at least FIRST")
    return array["name"], list(range(first, last + 1))


def shell_command(words):
    """Joins words into one line of bash, quoted as run.pl quotes them."""
    return " ".join(_quoted(word) for word in words)


def _quoted(word):
    if re.fullmatch(r"\S+", word, re.ASCII):
        return word
    return f"'{word}'" if '"' in word else f'"{word}"'


def last_lines(log):
    """Returns the last TAIL_LINES lines of a log."""
    with open(log, encoding="utf-8", errors="replace") as file:
        return [line.rstrip() for line in file.readlines()[-TAIL_LINES:]]
