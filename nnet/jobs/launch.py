"""Starts the processes of a distributed training, and stops all of them if one fails.

Processes on one machine are started directly. mlx.launch starts those on several machines, or on NVIDIA GPUs (NCCL); it
stops the others when one fails, but exits with code 0, so its output is checked as well.
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
    """Runs a command as several processes; returns whether all of them succeeded.

    Args:
        command: list of words; the command logs "training finished" when it completes.
        nproc: number of processes on this machine.
        hosts: host file of mlx.launch for processes on several machines, instead of nproc.
    """
    environment = dict(os.environ) if hosts else environment_of(nproc)
    if hosts or (has_cuda() and nproc > 1):
        return run_by_mlx_launch([*launcher(nproc, hosts), *command], environment)
    return run_here(command, nproc, environment)


def run_here(command, nproc, environment):
    """Runs `nproc` connected processes on this machine; returns whether all of them succeeded.

    mlx.launch could do this, but its busy waiting takes more than one core (MLX 0.32).
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
    """Waits for all processes and returns whether they succeeded; if one fails, terminates the others."""
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
    """Returns `count` different free TCP ports of this machine."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def run_by_mlx_launch(command, environment):
    """Runs a command by mlx.launch; returns whether the training finished."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    finished = False
    for line in process.stdout:
        print(line, end="", flush=True)
        finished = finished or "training finished" in line
    return process.wait() == 0 and finished


def launcher(nproc, hosts=None):
    """Returns the command line of mlx.launch, with the communication backend for the device."""
    program = os.path.join(os.path.dirname(sys.executable), "mlx.launch")
    where = ["--hostfile", hosts] if hosts else ["-n", str(nproc)]
    return [program, "--backend", "nccl" if has_cuda() else "ring", *where]
