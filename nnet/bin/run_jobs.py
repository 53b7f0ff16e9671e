"""Runs a command on this machine, once or as an array of parallel jobs, each with a log of its own.

usage: utils/run.sh [options] [JOB=FIRST:LAST] LOG COMMAND [ARGUMENT...]

The contract is that of Kaldi's run.pl, so that queue.pl and slurm.pl can take its place. In LOG, COMMAND and the
arguments the name before `=` (JOB, or any other) becomes the number of the job. bash reads the command: an argument
without blanks reaches it as it is, so that '|' and '>' work; others are quoted. A pipe fails where a part of it fails.

  --max-jobs-run N   jobs at a time (default: one a core, or a core's worth for each of --num-threads)
  --num-threads N    threads that a job will use
  --OPTION VALUE     any other option of a queue (--mem 4G, --gpu 1, ...) is accepted and ignored

Each job gets its share of the cores in OMP_NUM_THREADS and its relatives, where they are not set already.
A log holds the command, when it started and ended, and how. If a job fails, no further ones are started, the end of
its log is shown, and the exit status is 1. A signal, or the death of this process, ends all jobs.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import namedtuple

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
TAIL_LINES = 10
GRACE_SECONDS = 3
ARRAY = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<first>\d+)(:(?P<last>\d+))?")

Call = namedtuple("Call", "name numbers log words max_jobs threads")
Job = namedtuple("Job", "process log start")


class UsageError(Exception):
    """The command line itself is wrong."""


def main(argv=None):
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("--help", "-h"):
        print(__doc__.strip(), file=sys.stderr)
        return 0 if arguments else 1
    try:
        call = parse(arguments)
        return Runner(call).run()
    except (UsageError, OSError) as error:
        print(f"run.sh: error: {error}", file=sys.stderr)
        return 1


def parse(arguments):
    """Splits the command line into a `Call`."""
    options, name, numbers, words = split(arguments)
    threads = _positive(options, "--num-threads") or 1
    most = _positive(options, "--max-jobs-run") or max(1, cores() // threads)
    return Call(name, numbers, words[0], words[1:], most, options.get("--num-threads") and threads)


def split(arguments):
    """(options with their values, name of the array or None, its numbers, [LOG, COMMAND, ARGUMENT...])."""
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
        raise UsageError("expected [options] [JOB=FIRST:LAST] LOG COMMAND, see --help")
    name, numbers = _numbers(array)
    if len(numbers) > 1 and name not in words[0]:
        raise UsageError(f"the name of the log, {words[0]}, must hold {name}, or all jobs write to one log")
    return options, name, numbers, words


def _numbers(array):
    if array is None:
        return None, [None]
    first = int(array["first"])
    last = int(array["last"] or first)
    if first < 1 or last < first:
        raise UsageError(f"{array[0]}: not a range of jobs; the first is at least 1, the last at least the first")
    return array["name"], list(range(first, last + 1))


def _positive(options, name):
    text = options.get(name)
    if text is not None and not (text.isdigit() and int(text) > 0):
        raise UsageError(f"{name} expects a number of at least 1, not {text}")
    return text and int(text)


def cores():
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shell_command(words):
    """The words as one line of bash, quoted as run.pl does."""
    return " ".join(_quoted(word) for word in words)


def _quoted(word):
    if re.fullmatch(r"\S+", word):
        return word
    return f"'{word}'" if '"' in word else f'"{word}"'


class Runner:
    """Starts the jobs of a call, waits for them, reports."""

    def __init__(self, call):
        self.call = call
        self.waiting = list(call.numbers)
        self.running = {}
        self.failed = []
        self.signal = None
        self.may_interrupt = False
        self.environment = self._environment()

    def run(self):
        """Runs all jobs; returns the exit status."""
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, self._on_signal)
        with Watchman() as self.watchman:
            try:
                while self.running or (self.waiting and not self.failed):
                    while self.waiting and not self.failed and len(self.running) < self.call.max_jobs:
                        self._start(self.waiting.pop(0))
                    self._wait()
            except Interrupted as interrupt:
                self.may_interrupt = False
                self._stop()
                number = interrupt.args[0]
                print(f"run.sh: stopped by signal {number}, {len(self.running)} job(s) ended", file=sys.stderr)
                return 128 + number
        return self._report()

    def _environment(self):
        together = min(self.call.max_jobs, len(self.call.numbers))
        share = str(self.call.threads or max(1, cores() // together))
        return {**dict.fromkeys(THREAD_VARIABLES, share), **os.environ}

    def _fill(self, word, number):
        return word if number is None else word.replace(self.call.name, str(number))

    def _start(self, number):
        log = self._fill(self.call.log, number)
        command = shell_command([self._fill(word, number) for word in self.call.words])
        os.makedirs(os.path.dirname(log) or ".", exist_ok=True)
        with open(log, "wb") as file:
            file.write(f"# {command}\n# Started at {_now()} on {socket.gethostname()}\n#\n".encode())
            file.flush()
            process = subprocess.Popen(
                ["bash", "-c", f"set -o pipefail\n{command}"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
            )
        self.watchman.tell(f"+{process.pid}")
        self.running[process.pid] = Job(process, log, time.time())

    def _on_signal(self, number, frame):
        """Interrupts the waiting; a signal while a job is being started is remembered, so that no job is forgotten."""
        self.signal = number
        if self.may_interrupt:
            raise Interrupted(number)

    def _wait(self):
        self.may_interrupt = True
        if self.signal:
            raise Interrupted(self.signal)
        pid, status = os.wait()
        self.may_interrupt = False
        job = self.running.pop(pid, None)
        if job is None:
            return
        self.watchman.tell(f"-{pid}")
        job.process.returncode = code = os.waitstatus_to_exitcode(status)
        elapsed = time.time() - job.start
        with open(job.log, "a", encoding="utf-8") as file:
            file.write(f"# Ended (code {code}) at {_now()}, elapsed time {elapsed:.0f} seconds\n")
        if code:
            self.failed.append(job)

    def _stop(self):
        for stop, patience in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
            for pid in self.running:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, stop)
            until = time.monotonic() + patience
            while time.monotonic() < until and any(job.process.poll() is None for job in self.running.values()):
                time.sleep(0.05)

    def _report(self):
        if not self.failed:
            return 0
        job = self.failed[0]
        left = f", {len(self.waiting)} not started" if self.waiting else ""
        print(
            f"run.sh: {len(self.failed)} of {len(self.call.numbers)} job(s) failed{left}; log: {job.log}",
            file=sys.stderr,
        )
        show_end(job.log)
        return 1


def show_end(log):
    """Prints the last lines of a log."""
    with open(log, encoding="utf-8", errors="replace") as file:
        for line in file.readlines()[-TAIL_LINES:]:
            print(f"  {line.rstrip()}", file=sys.stderr)


class Watchman:
    """A process beside this one that ends the jobs when this one is killed and can no longer do it.

    It reads the jobs' process groups from a pipe, whose end tells it that this process is gone.
    """

    def __enter__(self):
        reading, self._pipe = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._pipe)
            _watch(reading)
        os.close(reading)
        return self

    def tell(self, line):
        """Tells of a job that started (`+PID`) or ended (`-PID`)."""
        os.write(self._pipe, f"{line}\n".encode())

    def __exit__(self, *error):
        self.tell(".")
        os.close(self._pipe)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _watch(reading):
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    groups = set()
    with os.fdopen(reading) as lines:
        for line in lines:
            if line.startswith("."):
                os._exit(0)
            change = groups.add if line[0] == "+" else groups.discard
            change(int(line[1:]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    os._exit(0)


class Interrupted(Exception):
    """A signal asked this process to end."""


def _now():
    return time.strftime("%Y-%m-%d %H:%M:%S")


if __name__ == "__main__":
    sys.exit(main())
