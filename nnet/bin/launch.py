"""Runs `python -m nnet.bin.MODULE ARGUMENTS` as several processes that train together.

Those of one machine are started here. mlx.launch, which joins several machines, and NVIDIA GPUs by NCCL, stops the rest
when one is lost, but does not tell of it in its exit code; this does.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack

from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.ops.runtime import has_cuda

POLL_SECONDS = 0.2


def main(argv=None):
    args = make_parser().parse_args(argv)
    command = [sys.executable, "-m", f"nnet.bin.{args.module}", *args.arguments]
    environment = os.environ | threads_each(args)
    if args.hosts or (has_cuda() and args.nproc > 1):
        succeeded = run_by_mlx_launch([*launcher(args), *command], environment)
    else:
        succeeded = run_here(command, args.nproc, environment)
    if not succeeded:
        raise InputError("a process of the training failed and the others were stopped; the lines above say why")


def make_parser():
    p = parser(__doc__)
    p.add_argument("--nproc", type=int, default=1, help="processes on this machine")
    p.add_argument("--hosts", help="a host file of mlx.launch: processes on several machines")
    p.add_argument("module", help="such as train_nnet")
    p.add_argument("arguments", nargs="...")
    return p


def run_here(command, nproc, environment):
    """Runs `nproc` processes that find each other on this machine; whether all of them ended well.

    mlx.launch would do the same, but it waits in loops without rest, which cost a core and more (MLX 0.32).
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the `finally` that stops the processes
    with tempfile.NamedTemporaryFile("w", suffix=".json") as hosts:
        json.dump([[f"127.0.0.1:{port}"] for port in free_ports(nproc)], hosts)
        hosts.flush()
        ring = {"MLX_HOSTFILE": hosts.name} if nproc > 1 else {}
        processes = [
            subprocess.Popen(command, env=environment | ring | {"MLX_RANK": str(rank)}, stderr=subprocess.STDOUT)
            for rank in range(nproc)
        ]
        return wait_for_all(processes)


def wait_for_all(processes):
    """Whether all processes end well; if one does not, the others are stopped."""
    try:
        while None in (codes := [process.poll() for process in processes]) and not any(codes):
            time.sleep(POLL_SECONDS)
        return not any(codes)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def free_ports(count):
    """TCP ports of this machine that nothing listens on, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def run_by_mlx_launch(command, environment):
    """Runs a command of mlx.launch; whether the training came to its end."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    finished = False
    for line in process.stdout:
        print(line, end="", flush=True)
        finished = finished or "training finished" in line
    return process.wait() == 0 and finished


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
