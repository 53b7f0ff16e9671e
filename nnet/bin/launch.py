"""Runs `python -m nnet.bin.MODULE ARGUMENTS` as several processes of a distributed training.

Processes on one machine are started directly, those on several machines or on NVIDIA GPUs by mlx.launch, and with
`--hosts slurm` the tasks of a job of Slurm by srun. Before mlx.launch starts, each host is compared with this machine.
"""

import os
import sys

from nnet.bin.cli import number, parser, run
from nnet.errors import InputError
from nnet.jobs.launch import launch
from nnet.jobs.srun import task_environment


def main(argv=None):
    args = make_parser().parse_args(argv)
    command = [sys.executable, "-m", f"nnet.bin.{args.module}", *args.arguments]
    if args.meet:
        os.environ.update(task_environment(args.meet, args.arguments))
        os.execv(command[0], command)
    if not launch(args.module, args.arguments, args.nproc, args.hosts):
        raise InputError("a process of the training failed, so the others were stopped; see the output above")


def make_parser():
    p = parser(__doc__)
    p.add_argument("--nproc", type=number(int, low=1), default=1, help="processes on this machine")
    p.add_argument(
        "--hosts",
        metavar="FILE",
        help="host file of mlx.launch, for processes on several machines; slurm: the tasks of this job of Slurm",
    )
    p.add_argument("--meet", metavar="DIR", help="used by --hosts slurm: the folder where the tasks meet")
    p.add_argument("module", help="module of nnet.bin, such as train_nnet")
    p.add_argument("arguments", nargs="...")
    return p


if __name__ == "__main__":
    run(main)
