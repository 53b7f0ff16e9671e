"""Processes that train together, and end together.

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

from nnet.jobs.local import environment_of
from nnet.ops.runtime import has_cuda

POLL_SECONDS = 0.2


def launch(command, nproc=1, hosts=None):
    """Runs a command as several processes; whether all of them ended well.

    Args:
        command: list of words; its log says "training finished" where it came to its end.
        nproc: how many processes on this machine.
        hosts: a host file of mlx.launch instead: processes on several machines.
    """
    environment = dict(os.environ) if hosts else environment_of(nproc)
    if hosts or (has_cuda() and nproc > 1):
        return run_by_mlx_launch([*launcher(nproc, hosts), *command], environment)
    return run_here(command, nproc, environment)


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


def launcher(nproc, hosts=None):
    """mlx.launch, with the backend that joins the processes' devices."""
    program = os.path.join(os.path.dirname(sys.executable), "mlx.launch")
    where = ["--hostfile", hosts] if hosts else ["-n", str(nproc)]
    return [program, "--backend", "nccl" if has_cuda() else "ring", *where]
