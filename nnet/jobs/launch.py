"""Starts the processes of a distributed training, and stops all of them if one fails.

Processes on one machine are started directly. mlx.launch starts those on several machines, or on NVIDIA GPUs (NCCL); it
stops the others when one fails, but exits with code 0, so its output is checked as well. srun starts those of a job of
Slurm.
"""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack

from nnet.cores import THREAD_VARIABLES, cores
from nnet.jobs.hosts import check_hosts, environment_for_hosts, read_hosts, threads_of
from nnet.jobs.local import environment_of
from nnet.jobs.srun import PREFIX, srun_command
from nnet.ops.runtime import has_cuda

POLL_SECONDS = 0.2
PROGRAM = os.path.join(os.path.dirname(sys.executable), "mlx.launch")


def launch(module, arguments, nproc=1, hosts=None):
    """Runs `python -m nnet.bin.MODULE` as several processes; returns whether all of them succeeded.

    Args:
        module: logs "training finished" when it completes.
        arguments: its arguments.
        nproc: number of processes on this machine.
        hosts: host file of mlx.launch for processes on several machines, or "slurm" for the tasks of this job of Slurm,
            instead of nproc.

    Raises:
        InputError: a host cannot be reached, or has other code or data.
    """
    command = [sys.executable, "-m", f"nnet.bin.{module}", *arguments]
    if hosts == "slurm":
        return run_by_srun(module, arguments)
    if hosts:
        return run_by_mlx_launch([*hosts_launcher(hosts, arguments), *command], dict(os.environ))
    if has_cuda() and nproc > 1:
        return run_by_mlx_launch([*launcher(nproc), *command], shared_environment(nproc))
    return run_here(command, nproc, shared_environment(nproc))


def shared_environment(nproc):
    """Returns an environment for `nproc` processes; no limit of threads is above a share of the cores."""
    share, environment = cores() // nproc, environment_of(nproc)
    limits = {name: environment[name] for name in THREAD_VARIABLES}
    lowered = {name: str(max(share, 1)) for name, limit in limits.items() if limit.isdigit() and int(limit) > share}
    return environment | lowered


def run_here(command, nproc, environment):
    """Runs `nproc` connected processes on this machine; returns whether all of them succeeded.

    mlx.launch could do this, but its busy waiting takes more than one core (MLX 0.32).
    """
    end_by_finally()
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


def run_by_srun(module, arguments):
    """Runs a program in each task of this job of Slurm; returns whether all of them succeeded."""
    end_by_finally()
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=".") as folder:
        return wait_for_all([subprocess.Popen(srun_command(folder, module, arguments))])


def end_by_finally():
    """Has SIGTERM end this process as an exception does, through the `finally` that stops its processes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def launcher(nproc):
    """Returns the command line of mlx.launch for processes on this machine."""
    return [PROGRAM, "--backend", "nccl" if has_cuda() else "ring", "-n", str(nproc)]


def hosts_launcher(path, words=()):
    """Returns the command line of mlx.launch for the processes of a host file, after a check of the hosts.

    Args:
        path: the host file.
        words: arguments of the program; those that are files or directories must be the same on all hosts.
    """
    hosts, backend = read_hosts(path)
    threads = threads_of(hosts, check_hosts(hosts, words, path))
    backend = backend or ("nccl" if has_cuda() else "ring")
    per_host = [len(list(group)) for _, group in itertools.groupby(host["ssh"] for host in hosts)]
    variables = environment_for_hosts()
    limits = {name: os.environ.get(name, threads) for name in THREAD_VARIABLES}
    variables += [f"{name}={limit}" for name, limit in limits.items() if limit]
    # With -n, which does not repeat the hosts of a file, each process of a host has a GPU of its own.
    options = ["--backend", backend, "--hostfile", path, "-n", str(per_host[0]), "--cwd", os.getcwd()]
    return [PROGRAM, *options, *(word for variable in variables for word in ("--env", variable))]
