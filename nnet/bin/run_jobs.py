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

import sys

from nnet.bin.job_runner import run_call
from nnet.jobs.local import Runner


def main(argv=None):
    return run_call("run.sh", __doc__, Runner, argv)


if __name__ == "__main__":
    sys.exit(main())
