"""Processes of a training that Slurm starts: `srun` runs one task a process, on all nodes of the allocation.

The tasks meet in a folder that all nodes share: each writes its address and the description of its machine
(`nnet.jobs.hosts`) there, and reads those of the others.
"""

import json
import os
import shutil
import socket
import sys
import time

from nnet.errors import InputError
from nnet.files import read_json, write_json
from nnet.jobs.hosts import describe, difference
from nnet.ops.runtime import has_cuda

SECONDS = 30  # until all tasks must have come
POLL_SECONDS = 0.1
PREFIX = ".tasks-"  # of the folder, in the current directory


def srun_command(folder, module, arguments):
    """Returns the command line that runs nnet.bin.MODULE in each task of this job of Slurm.

    Raises:
        InputError: there is no job of Slurm, or no srun.
    """
    if "SLURM_JOB_ID" not in os.environ:
        raise InputError("--hosts slurm: this is no job of Slurm; use sbatch, salloc, or utils/slurm.sh --ntasks N")
    if not shutil.which("srun"):
        raise InputError("--hosts slurm: srun is not in PATH")
    words = ["srun", "--kill-on-bad-exit=1"]
    if "SLURM_CPUS_PER_TASK" in os.environ:  # which srun does not take over from the job by itself
        words.append(f"--cpus-per-task={os.environ['SLURM_CPUS_PER_TASK']}")
    return [*words, sys.executable, "-m", "nnet.bin.launch", "--meet", folder, module, *arguments]


def task_environment(folder, words):
    """Meets the other tasks of this step in `folder`; returns the variables by which MLX connects them.

    Args:
        words: of the command to run; those that are files or directories must be the same for all tasks.

    Raises:
        InputError: not all tasks came, or one is on a machine with other code or data; names the machine.
    """
    rank, size = int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_STEP_NUM_TASKS"])
    if not os.path.isdir(folder):
        raise InputError(
            f"{socket.gethostname()}: {os.path.abspath(folder)} is not there: nodes must share this folder"
        )
    about = describe([word for word in words if os.path.exists(word)])
    me = {"host": socket.gethostname(), "address": _address(), "port": _free_port(), "about": about}
    write_json(os.path.join(folder, f"{rank}.json"), me)
    tasks = _all_tasks(folder, size)
    for task in tasks:
        problem = difference(task["about"], tasks[0]["about"])
        if problem:
            raise InputError(f"{task['host']}, compared with {tasks[0]['host']}: {problem}")
    if has_cuda():
        return {
            "MLX_RANK": str(rank),
            "MLX_WORLD_SIZE": str(size),
            "NCCL_HOST_IP": tasks[0]["address"],
            "NCCL_PORT": str(tasks[0]["port"]),
            "CUDA_VISIBLE_DEVICES": _own_gpu(),
        }
    hosts = os.path.join(folder, f"hosts.{rank}.json")
    with open(hosts, "w", encoding="utf-8") as file:
        json.dump([[f"{task['address']}:{task['port']}"] for task in tasks], file)
    return {"MLX_RANK": str(rank)} | ({"MLX_HOSTFILE": hosts} if size > 1 else {})


def _all_tasks(folder, size):
    """Reads what all tasks wrote, in the order of their ranks."""
    paths = [os.path.join(folder, f"{rank}.json") for rank in range(size)]
    until = time.monotonic() + SECONDS
    while missing := [path for path in paths if not os.path.exists(path)]:
        if time.monotonic() > until:
            ranks = ", ".join(os.path.basename(path).removesuffix(".json") for path in missing)
            raise InputError(
                f"{socket.gethostname()}: tasks {ranks} of {size} did not come within {SECONDS} s; do their nodes "
                f"share {os.path.abspath('.')}?"
            )
        time.sleep(POLL_SECONDS)
        os.listdir(folder)  # has NFS look again
    return [read_json(path) for path in paths]


def _address():
    """Returns this machine's address on the network of the node that runs srun."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((os.environ["SLURM_LAUNCH_NODE_IPADDR"], 9))  # sends nothing
        return probe.getsockname()[0]


def _free_port():
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def _own_gpu():
    """Returns the device of this task among those that Slurm gave to the tasks of this node."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    local = int(os.environ["SLURM_LOCALID"])
    return given[local] if local < len(given) and given[0] else given[0] or str(local)
