"""Runs `python -m nnet.bin.MODULE ARGUMENTS` as several processes that train together.

mlx.launch starts them and stops the rest when one is lost, but does not tell of it in its exit code; this does.
"""

import os
import subprocess
import sys

from nnet.bin.cli import parser, run
from nnet.compute.blas import has_cuda
from nnet.errors import InputError


def main(argv=None):
    args = make_parser().parse_args(argv)
    command = [sys.executable, "-m", f"nnet.bin.{args.module}", *args.arguments]
    if args.hosts or args.nproc > 1:
        command = [*launcher(args), *command]
    environment = os.environ | threads_each(args)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    finished = False
    for line in process.stdout:
        print(line, end="", flush=True)
        finished = finished or "training finished" in line
    if process.wait() != 0 or not finished:
        raise InputError("a process of the training failed and the others were stopped; the lines above say why")


def make_parser():
    p = parser(__doc__)
    p.add_argument("--nproc", type=int, default=1, help="processes on this machine")
    p.add_argument("--hosts", help="a host file of mlx.launch: processes on several machines")
    p.add_argument("module", help="such as train_nnet")
    p.add_argument("arguments", nargs="...")
    return p


def launcher(args):
    """mlx.launch, with the backend that joins the processes' devices."""
    program = os.path.join(os.path.dirname(sys.executable), "mlx.launch")
    where = ["--hostfile", args.hosts] if args.hosts else ["-n", str(args.nproc)]
    return [program, "--backend", "nccl" if has_cuda() else "ring", *where]


def threads_each(args):
    """The environment that gives each local process its share of the cores, unless the user has decided."""
    share = str(max(1, (os.cpu_count() or 1) // args.nproc))
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {} if args.hosts else {n: share for n in names if n not in os.environ}


if __name__ == "__main__":
    run(main)
