"""Runs jobs as processes of this machine, a limited number at a time; they end when this process ends."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections import namedtuple

from nnet.cores import THREAD_VARIABLES, cores
from nnet.jobs.call import Interrupted, JobsFailed, last_lines, on_signals, shell_command

GRACE_SECONDS = 3

Job = namedtuple("Job", "process log start")


def environment_of(processes, threads=None):
    """Returns an environment that limits the threads of each process to its share of the cores.

    Variables that the user has set are kept.

    Args:
        processes: number of processes that run at the same time.
        threads: threads of each; None: the cores divided by `processes`.
    """
    share = str(threads or max(1, cores() // processes))
    return {**dict.fromkeys(THREAD_VARIABLES, share), **os.environ}


class Runner:
    """Runs the jobs of a Call on this machine."""

    def __init__(self, call):
        self.call = call
        threads = call.positive("--num-threads")
        self.max_jobs = call.positive("--max-jobs-run") or max(1, cores() // (threads or 1))
        # A single job is not limited, so that the processes that it starts can divide the cores themselves.
        limited = threads or len(call.numbers) > 1
        self.environment = environment_of(min(self.max_jobs, len(call.numbers)), threads) if limited else None
        self.waiting = list(call.numbers)
        self.running = {}
        self.failed = []
        self.signal = None
        self.may_interrupt = False

    def run(self):
        """Runs all jobs and waits for them.

        Raises:
            JobsFailed: a job failed; no further ones are started.
            Interrupted: a signal arrived; the running jobs are stopped.
        """
        on_signals(self._on_signal)
        with Watchdog() as self.watchdog:
            try:
                while self.running or (self.waiting and not self.failed):
                    while self.waiting and not self.failed and len(self.running) < self.max_jobs:
                        self._start(self.waiting.pop(0))
                    self._wait()
            except Interrupted as interrupt:
                self.may_interrupt = False
                self._stop()
                raise Interrupted(interrupt.number, f"{len(self.running)} job(s) ended") from None
        self._raise_failures()

    def _start(self, number):
        log = self.call.fill(self.call.log, number)
        command = shell_command([self.call.fill(word, number) for word in self.call.words])
        os.makedirs(os.path.dirname(log) or ".", exist_ok=True)
        with open(log, "wb") as file:
            file.write(f"# {command}\n# Started at {_now()} on {socket.gethostname()}\n#\n".encode())
            file.flush()
            process = subprocess.Popen(
                ["bash", "-c", f"{self.watchdog.announcement()}\nset -o pipefail\n{command}"],
                pass_fds=[self.watchdog.pipe],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
            )
        self.running[process.pid] = Job(process, log, time.time())

    def _on_signal(self, number, frame):
        """Interrupts the waiting; a signal that arrives while a job is being started is handled after the start."""
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
        self.watchdog.tell(f"-{pid}")
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

    def _raise_failures(self):
        if self.failed:
            log = self.failed[0].log
            left = f", {len(self.waiting)} not started" if self.waiting else ""
            count = f"{len(self.failed)} of {len(self.call.numbers)} job(s) failed{left}"
            raise JobsFailed(f"{count}; log: {log}", last_lines(log))


class Watchdog:
    """A child process that kills the jobs if this process is killed (SIGKILL, out of memory).

    It reads the jobs' process groups from a pipe; end of file means that this process is gone, and that every job that
    it started has reported: a job holds the pipe until then, so that none escapes because this process ended too soon.
    """

    def __enter__(self):
        reading, self.pipe = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self.pipe)
            _watch(reading)
        os.close(reading)
        return self

    def announcement(self):
        """Returns what a job's shell does first: it reports itself, the first of its process group, with `+PID`."""
        return f"echo +$$ >&{self.pipe}; exec {self.pipe}>&-"

    def tell(self, line):
        """Reports a job that ended (`-PID`), or that all did (`.`)."""
        os.write(self.pipe, f"{line}\n".encode())

    def __exit__(self, *error):
        self.tell(".")
        os.close(self.pipe)
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


def _now():
    return time.strftime("%Y-%m-%d %H:%M:%S")
