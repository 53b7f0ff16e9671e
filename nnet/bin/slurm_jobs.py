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

import logging
import sys

from nnet.bin.job_runner import run_call
from nnet.jobs.slurm import Submission


def main(argv=None):
    logging.basicConfig(format="slurm.sh: %(message)s", stream=sys.stderr)
    return run_call("slurm.sh", __doc__, Submission, argv)


if __name__ == "__main__":
    sys.exit(main())
