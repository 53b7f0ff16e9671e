"""The command line of a job runner: the contract of Kaldi's run.pl, queue.pl and slurm.pl.

    [options] [JOB=FIRST:LAST] LOG COMMAND [ARGUMENT...]

Nothing here, nor in local.py, may import what takes long to load: every job starts with it.
"""

import re
from collections import namedtuple

from nnet.errors import InputError

ARRAY = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<first>\d+)(:(?P<last>\d+))?")
TAIL_LINES = 10


class Call(namedtuple("Call", "options name numbers log words")):
    """What is to be run.

    Attributes:
        options: `{"--mem": "4G", ...}`.
        name: of the array, such as "JOB"; None for a single job.
        numbers: list of the jobs' numbers; [None] for a single job.
        log: path of the log, with the name in it.
        words: the command and its arguments.
    """

    def fill(self, word, number):
        """A word as the job of that number has it."""
        return word if number is None else word.replace(self.name, str(number))

    def positive(self, option):
        """The value of an option that counts something, or None where it is not given."""
        text = self.options.get(option)
        if text is not None and not (text.isdigit() and int(text) > 0):
            raise InputError(f"{option} expects a number of at least 1, not {text}")
        return text and int(text)


class JobsFailed(Exception):
    """Some jobs failed; `details` are lines about the first of them."""

    def __init__(self, message, details):
        super().__init__(message)
        self.details = details


class Interrupted(Exception):
    """A signal asked this process to end."""

    def __init__(self, number, what="the jobs are stopped"):
        super().__init__(f"stopped by signal {number}, {what}")
        self.number = number


def parse(arguments):
    """The Call of a command line."""
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
        raise InputError(f"the name of the log, {words[0]}, must hold {name}, or all jobs write to one log")
    return Call(options, name, numbers, words[0], words[1:])


def _numbers(array):
    if array is None:
        return None, [None]
    first = int(array["first"])
    last = int(array["last"] or first)
    if first < 1 or last < first:
        raise InputError(f"{array[0]}: not a range of jobs; the first is at least 1, the last at least the first")
    return array["name"], list(range(first, last + 1))


def shell_command(words):
    """The words as one line of bash, quoted as run.pl does."""
    return " ".join(_quoted(word) for word in words)


def _quoted(word):
    if re.fullmatch(r"\S+", word):
        return word
    return f"'{word}'" if '"' in word else f'"{word}"'


def last_lines(log):
    """The end of a log, a list of lines."""
    with open(log, encoding="utf-8", errors="replace") as file:
        return [line.rstrip() for line in file.readlines()[-TAIL_LINES:]]
