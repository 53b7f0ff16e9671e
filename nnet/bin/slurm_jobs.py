"""Runs a command through Slurm, once or as an array of jobs, each with its own log, and waits for completion.

usage: utils/slurm.sh [options] [JOB=FIRST:LAST] LOG COMMAND [ARGUMENT...]

The interface is that of utils/run.sh: in LOG, COMMAND and the arguments, the name before `=` is replaced by the job
number. All machines must share the file system. If a job fails, is canceled or vanishes, the call fails and shows the
end of its log; a signal cancels the jobs.

  --num-threads N    cores per job (sbatch --cpus-per-task)
  --gpu N            GPUs per job (--gres=gpu:N); 0: none
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
