"""Runs jobs through Slurm: submits an array, waits for it, and checks the jobs' logs for success."""

import logging
import os
import shlex
import subprocess
import sys
import time
import uuid

from nnet.errors import InputError
from nnet.jobs.call import Interrupted, JobsFailed, last_lines, on_signals

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds between two queries of the queue
PATIENCE = 10.0  # seconds until a log written on another machine must be visible here
ENDED = "# Ended (code 0)"
THREADS = ("--num-threads", "--cpus-per-task", "-c")  # Kaldi's option for the threads of a job, and sbatch's


class Submission:
    """A Call submitted to Slurm."""

    def __init__(self, call):
        self.call = call
        self.logs = [call.fill(call.log, n) for n in call.numbers]
        self.label = f"{os.path.basename(call.log)}-{uuid.uuid4().hex[:8]}"
        self.queue = os.path.join(os.path.dirname(call.log) or ".", "q")

    def run(self):
        """Submits all jobs and waits for them.

        Raises:
            JobsFailed: a job failed, was canceled, or vanished.
            Interrupted: a signal arrived; the jobs are canceled.
            InputError: Slurm is not installed, or rejects the submission.
        """
        on_signals(_interrupt)
        os.makedirs(self.queue, exist_ok=True)
        for log in filter(os.path.exists, self.logs):
            os.truncate(log, 0)  # left by an earlier run; truncated rather than removed, as someone may be following it
        try:
            self.wait(self.submit())
        except Interrupted as interrupt:
            subprocess.run(["scancel", f"--name={self.label}"], stderr=subprocess.DEVNULL)
            raise Interrupted(interrupt.number, f"{self.label} is canceled") from None
        except FileNotFoundError as error:
            raise InputError(f"{error.filename} is not in PATH; is this a cluster node with Slurm?") from None
        self.raise_failures()

    def submit(self):
        """Submits the jobs; returns Slurm's job id."""
        command = self.command()
        submitted = subprocess.run(command, input=self.script(), capture_output=True, text=True)
        if submitted.returncode:
            raise InputError(f"{shlex.join(command)}: {' '.join(submitted.stderr.split())}")
        return submitted.stdout.strip().split(";")[0]

    def command(self):
        """Returns the command line of sbatch, which reads the script from standard input."""
        options = dict(self.call.options)
        threads, gpus = self.threads(), options.pop("--gpu", "0")
        for option in THREADS:
            options.pop(option, None)
        most = options.pop("--max-jobs-run", None)
        command = ["sbatch", "--parsable", f"--job-name={self.label}", f"--chdir={os.getcwd()}"]
        command += [f"--output={self.queue}/{self.label}.{'%a' if self.call.name else 'out'}"]
        for option, value in options.items():
            command += [f"{option}={value}"] if option.startswith("--") else [option, value]
        command += [f"--cpus-per-task={threads}"] if threads else []
        command += [f"--gres=gpu:{gpus}"] if gpus != "0" else []
        if self.call.name:
            command.append(f"--array={self.call.numbers[0]}-{self.call.numbers[-1]}{f'%{most}' if most else ''}")
        return command

    def threads(self):
        """Returns the threads of each job by any of the options in THREADS; None: not given."""
        given = [self.call.positive(option) for option in THREADS if option in self.call.options]
        return given[0] if given else None

    def script(self):
        """Returns the batch script: nnet.bin.run_jobs for one job number, with this process's Python and package."""
        kept = [f"{name}={shlex.quote(os.environ[name])}" for name in ("PATH", "PYTHONPATH") if name in os.environ]
        words = [sys.executable, "-m", "nnet.bin.run_jobs", "--num-threads", str(self.threads() or 1)]
        array = f"{self.call.name}=$SLURM_ARRAY_TASK_ID " if self.call.name else ""
        export = f"export {' '.join(kept)}\n" if kept else ""
        command = shlex.join([self.call.log, *self.call.words])
        return f"#!/usr/bin/env bash\n{export}exec {shlex.join(words)} {array}{command}\n"

    def wait(self, job):
        """Waits until no job of the array is pending or running."""
        pause, complained = FIRST_PAUSE, False
        while True:
            time.sleep(pause)
            pause = min(1.3 * pause, LONGEST_PAUSE)
            look = subprocess.run(["squeue", "--noheader", f"--jobs={job}"], capture_output=True, text=True)
            if look.returncode and "Invalid job id" not in look.stderr:
                if not complained:
                    logger.warning("Slurm does not answer, still waiting: %s", look.stderr.strip())
                complained = True
            elif not look.stdout.strip():
                return

    def raise_failures(self):
        """Raises JobsFailed, with details of the first failed job, unless every log ends with success."""
        until = time.monotonic() + PATIENCE
        while (failed := [i for i, log in enumerate(self.logs) if not _ended_well(log)]) and (
            time.monotonic() < until and not all(map(_has_begun, self.logs))
        ):
            time.sleep(0.5)
        if failed:
            log = self.logs[failed[0]]
            count = f"{len(failed)} of {len(self.logs)} job(s) failed"
            raise JobsFailed(f"{count}; log: {log}", self.details(log, self.call.numbers[failed[0]]))

    def details(self, log, number):
        """Returns lines that describe why a job failed."""
        lines = last_lines(log) if _has_begun(log) else []
        if _has_ended(log):
            return lines
        said = os.path.join(self.queue, f"{self.label}.{number if self.call.name else 'out'}")
        if os.path.exists(said):
            lines += last_lines(said)
        if _has_begun(log):
            return [*lines, "it was killed: canceled, over its --time or --mem limit, or its node failed"]
        return [*lines, "it never started: canceled, or its node could not start it"]


def _interrupt(number, frame):
    raise Interrupted(number)


def _last_line(log):
    try:
        with open(log, "rb") as file:
            return file.read().rstrip().rpartition(b"\n")[2].decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _has_begun(log):
    return os.path.exists(log) and os.path.getsize(log) > 0


def _ended_well(log):
    return _last_line(log).startswith(ENDED)


def _has_ended(log):
    return _last_line(log).startswith("# Ended (code ")
