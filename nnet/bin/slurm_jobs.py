"""Runs a command through Slurm, once or as an array of jobs, each with a log of its own, and waits for the end.

usage: utils/slurm.sh [options] [JOB=FIRST:LAST] LOG COMMAND [ARGUMENT...]

The contract is that of utils/run.sh: in LOG, COMMAND and the arguments the name before `=` becomes the job's number.
Folders are shared by all machines. A job that fails, is cancelled or vanishes fails the call, and the end of its log is
shown; a signal cancels the jobs.

  --num-threads N    cores of a job (sbatch --cpus-per-task)
  --gpu N            GPUs of a job (--gres=gpu:N); 0: none
  --max-jobs-run N   jobs of an array at a time
  --OPTION VALUE     any other option of sbatch: --mem 4G, --time 1:00:00, --partition NAME, --account NAME, ...
"""

import os
import shlex
import signal
import subprocess
import sys
import time
import uuid

from nnet.bin.run_jobs import Interrupted, UsageError, show_end, split

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds between two looks at the queue
PATIENCE = 10.0  # seconds until a log that another machine wrote must be here
ENDED = "# Ended (code 0)"


def main(argv=None):
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("--help", "-h"):
        print(__doc__.strip(), file=sys.stderr)
        return 0 if arguments else 1
    try:
        options, name, numbers, words = split(arguments)
        return Submission(options, name, numbers, words).run()
    except FileNotFoundError as error:
        print(f"slurm.sh: error: {error.filename} is not in PATH; is this a machine of the cluster?", file=sys.stderr)
    except (UsageError, OSError) as error:
        print(f"slurm.sh: error: {error}", file=sys.stderr)
    return 1


class Submission:
    """One call: what is handed to Slurm, and what came of it.

    Args:
        options, name, numbers, words: as run_jobs.split gives them.
    """

    def __init__(self, options, name, numbers, words):
        self.options, self.name, self.numbers, self.words = dict(options), name, numbers, words
        self.logs = [words[0].replace(name, str(n)) if name else words[0] for n in numbers]
        self.label = f"{os.path.basename(words[0])}-{uuid.uuid4().hex[:8]}"
        self.queue = os.path.join(os.path.dirname(words[0]) or ".", "q")

    def run(self):
        """Submits, waits, reports; returns the exit status."""
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, _interrupt)
        os.makedirs(self.queue, exist_ok=True)
        for log in filter(os.path.exists, self.logs):
            os.truncate(log, 0)  # of an earlier run; others may watch it, so it stays
        command = self.command()
        try:
            submitted = subprocess.run(command, input=self.script(), capture_output=True, text=True)
            if submitted.returncode:
                said = " ".join(submitted.stderr.split())
                print(f"slurm.sh: error: {shlex.join(command)}: {said}", file=sys.stderr)
                return 1
            self.wait(submitted.stdout.strip().split(";")[0])
        except Interrupted as interrupt:
            subprocess.run(["scancel", f"--name={self.label}"], stderr=subprocess.DEVNULL)
            print(f"slurm.sh: stopped by signal {interrupt.args[0]}, {self.label} is cancelled", file=sys.stderr)
            return 128 + interrupt.args[0]
        return self.report()

    def command(self):
        """The call of sbatch, which reads the script from its standard input."""
        options = dict(self.options)
        threads, gpus = options.pop("--num-threads", None), options.pop("--gpu", "0")
        most = options.pop("--max-jobs-run", None)
        command = ["sbatch", "--parsable", f"--job-name={self.label}", f"--chdir={os.getcwd()}"]
        command += [f"--output={self.queue}/{self.label}.{'%a' if self.name else 'out'}"]
        command += [f"{option}={value}" for option, value in options.items()]
        command += [f"--cpus-per-task={threads}"] if threads else []
        command += [f"--gres=gpu:{gpus}"] if gpus != "0" else []
        if self.name:
            command.append(f"--array={self.numbers[0]}-{self.numbers[-1]}{f'%{most}' if most else ''}")
        return command

    def script(self):
        """What a job runs: nnet.bin.run_jobs for its own number, with the Python and the package of this process."""
        kept = [f"{name}={shlex.quote(os.environ[name])}" for name in ("PATH", "PYTHONPATH") if name in os.environ]
        words = [sys.executable, "-m", "nnet.bin.run_jobs", "--num-threads", self.options.get("--num-threads", "1")]
        array = f"{self.name}=$SLURM_ARRAY_TASK_ID " if self.name else ""
        export = f"export {' '.join(kept)}\n" if kept else ""
        return f"#!/usr/bin/env bash\n{export}exec {shlex.join(words)} {array}{shlex.join(self.words)}\n"

    def wait(self, job):
        """Returns when no job of the array is waiting or running any more."""
        pause, complained = FIRST_PAUSE, False
        while True:
            time.sleep(pause)
            pause = min(1.3 * pause, LONGEST_PAUSE)
            look = subprocess.run(["squeue", "--noheader", f"--jobs={job}"], capture_output=True, text=True)
            if look.returncode and "Invalid job id" not in look.stderr:
                if not complained:
                    print(f"slurm.sh: Slurm does not answer, still waiting: {look.stderr.strip()}", file=sys.stderr)
                complained = True
            elif not look.stdout.strip():
                return

    def report(self):
        """0 where every log ends well; otherwise what became of the first that does not."""
        until = time.monotonic() + PATIENCE
        while (failed := [n for n, log in zip(self.numbers, self.logs, strict=True) if not _ended_well(log)]) and (
            time.monotonic() < until and not all(map(_has_begun, self.logs))
        ):
            time.sleep(0.5)
        if not failed:
            return 0
        log = self.logs[self.numbers.index(failed[0])]
        print(f"slurm.sh: {len(failed)} of {len(self.numbers)} job(s) failed; log: {log}", file=sys.stderr)
        if _has_begun(log):
            show_end(log)
        if not _has_ended(log):
            self.tell_why(log, failed[0])
        return 1

    def tell_why(self, log, number):
        """What is known of a job that did not come to the end of its log."""
        said = os.path.join(self.queue, f"{self.label}.{number if self.name else 'out'}")
        if os.path.exists(said):
            show_end(said)
        if _has_begun(log):
            why = "ended without a word: cancelled, over its --time or --mem, or its machine failed"
        else:
            why = "never began: cancelled, or its machine could not start it"
        print(f"  it {why}", file=sys.stderr)


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


if __name__ == "__main__":
    sys.exit(main())
