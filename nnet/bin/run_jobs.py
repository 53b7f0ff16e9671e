"""Runs a command on this machine, once or as an array of parallel jobs, each with its own log.

usage: utils/run.sh [options] [JOB=FIRST:LAST] LOG COMMAND [ARGUMENT...]

The interface is that of Kaldi's run.pl, so queue.pl and slurm.pl can replace it. In LOG, COMMAND and the arguments, the
name before `=` (JOB, or any other) is replaced by the job number. The command is run by bash: arguments without spaces
are passed unquoted, so that '|' and '>' work; others are quoted. A pipe fails if any part of it fails.

  --max-jobs-run N   jobs at a time (default: the number of cores divided by --num-threads)
  --num-threads N    threads that a job will use
  --OPTION VALUE     any other option of a queue (--mem 4G, --gpu 1, ...) is accepted and ignored

OMP_NUM_THREADS and similar variables, unless already set, limit each of several jobs to its share of the cores. A log
holds the command, its start and end time and its exit status. If a job fails, no further ones are started, the end of
its log is shown, and the exit status is 1. A signal, or the death of this process, ends all jobs.
"""

import sys

from nnet.bin.job_runner import run_call
from nnet.jobs.local import Runner


def main(argv=None):
    return run_call("run.sh", __doc__, Runner, argv)


if __name__ == "__main__":
    sys.exit(main())
