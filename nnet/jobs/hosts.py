"""Checks the machines of a distributed training before it starts: each one answers, with the same code and data.

A machine describes itself (`nnet.bin.describe_host` through ssh, or a task of Slurm), and its description is compared
with that of this machine. Without these checks, a process that is missing or different shows itself as a training that
waits for ever, or as one whose losses make no sense.
"""

import concurrent.futures
import importlib.metadata
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import zlib
from collections import Counter

import nnet
from nnet import locks
from nnet.cores import cores
from nnet.errors import InputError, shortened
from nnet.files import check_entries, checksum, parse_json, read_text
from nnet.kaldi.ark import parse_rx
from nnet.kaldi.tables import read_lines

SECONDS = 25  # until a machine must have answered
MARK = "description of a host: "
LOCAL = "127.0.0.1"  # mlx.launch starts its processes without ssh
# Files that say what is in a data directory or model directory.
TELLING = ("utt2spk", "feats.scp", "wav.scp", "utt2num_frames", "feats_conf.json", "config.json", "model.safetensors")


def read_hosts(path):
    """Reads a host file of mlx.launch: a list of {"ssh": name, "ips": [addresses]}, one for each process.

    Returns:
        (list of these dicts, the communication backend that the file names or None).

    Raises:
        InputError: not such a file.
    """
    text = read_text(path)
    content = parse_json(f'{{"hosts": {text}}}' if text.lstrip().startswith("[") else text, path)
    check_entries({"backend": "", **content}, {"hosts": list, "backend": str}, path)
    hosts = content["hosts"]
    for i, host in enumerate(hosts):
        if not isinstance(host, dict):
            raise InputError(f'{path}: host {i + 1} is not an object such as {{"ssh": "name", "ips": ["10.0.0.1"]}}')
        check_entries({"ips": [], **host}, {"ssh": str, "ips": list}, f"{path}: host {i + 1}")
    if not hosts:
        raise InputError(f"{path}: names no host")
    return [{"ips": [], **host} for host in hosts], content.get("backend") or None


def check_hosts(hosts, words, path):
    """Compares each host with this machine; returns `{ssh name: its description}`.

    Args:
        hosts: of `read_hosts`.
        words: the words of the command to run; those that are files or directories here must be the same there.
        path: the host file, for messages.

    Raises:
        InputError: hosts that cannot be reached or are different, one after another, each with the reason.
    """
    names = list(dict.fromkeys(host["ssh"] for host in hosts))
    if set(names) != {LOCAL} and not shutil.which("ssh"):
        raise InputError(f"{path}: ssh is not in PATH, which starts the processes on {', '.join(names)}")
    addresses = {name: [ip for host in hosts if host["ssh"] == name for ip in host["ips"]] for name in names}
    paths = [word for word in words if os.path.exists(word)]
    ours = describe(paths)
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        answers = dict(zip(names, pool.map(lambda name: _ask(name, paths, addresses[name]), names), strict=True))
    problems = []
    for name, answer in answers.items():
        problem = answer if isinstance(answer, str) else difference(answer, ours)
        problem = problem or next(
            (f"{ip} (ips in {path}) is not an address of it" for ip, own in answer["addresses"].items() if not own),
            None,
        )
        if problem:
            problems.append(f"{name}: {problem}")
    if problems:
        raise InputError("; ".join(problems))
    return answers


def threads_of(hosts, answers):
    """Returns the threads of each process if the cores of every host are shared by its processes; None: all cores."""
    processes = Counter(host["ssh"] for host in hosts)
    if max(processes.values()) == 1:
        return None
    return max(1, min(answers[name]["cores"] // count for name, count in processes.items()))


def describe(paths, addresses=()):
    """Describes this machine: versions, cores, contents of files and directories, which addresses are its own."""
    return {
        "python": ".".join(map(str, sys.version_info[:2])),
        "MLX": importlib.metadata.version("mlx"),
        "nnet": nnet.__version__,
        "code": _code(),
        "folder": os.path.dirname(nnet.__file__),
        "cores": cores(),
        "paths": {path: fingerprint(path) for path in paths},
        "addresses": {ip: _is_own(ip) for ip in addresses},
    }


def difference(theirs, ours):
    """Says in which way a machine differs from this one; None if it does not."""
    for name in ("MLX", "nnet", "python"):
        if theirs[name] != ours[name]:
            return f"{name} {theirs[name]} there, {ours[name]} here; install the same version"
    if theirs["code"] != ours["code"]:
        return f"the code in {theirs['folder']} differs from that in {ours['folder']} here; use the same commit"
    for path, own in ours["paths"].items():
        other = theirs["paths"].get(path, {})
        if own and not other:
            return f"{path} is not there; training needs the same path on each host"
        for name in own:
            if own[name] != other.get(name):
                return f"{path}: {name or 'the file'} is not the same there as here"
    return None


def fingerprint(path):
    """Returns `{file: checksum or size}` of what tells one file, data directory or model directory from another.

    Archives are represented by the size of the one that holds the first utterance, checkpoints by their names. A
    directory without any of these files is as good as none.
    """
    if os.path.isfile(path):
        return {"": checksum(path)}
    found = {}
    for name in TELLING:
        file = os.path.join(path, name)
        if os.path.isfile(file):
            found[name] = os.path.getsize(file) if name.endswith(".safetensors") else checksum(file)
    if "feats.scp" in found:
        where = next((line for _, line in read_lines(os.path.join(path, "feats.scp"))), "").partition(" ")[2]
        archive = parse_rx(where).path
        found[archive] = os.path.getsize(archive) if os.path.isfile(archive) else None
    checkpoints = os.path.join(path, "checkpoints")
    if os.path.isdir(checkpoints):
        found["checkpoints"] = sorted(os.listdir(checkpoints))
    return found


def environment_for_hosts():
    """Returns the variables of this process that those on other machines need, as `NAME=VALUE`."""
    root = os.path.dirname(os.path.dirname(nnet.__file__))
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    kept = {name: os.environ[name] for name in ("SV_PREPARE", locks.VARIABLE) if name in os.environ}
    return [f"{name}={value}" for name, value in {"PYTHONPATH": path, **kept}.items()]


def _ask(name, paths, addresses):
    """Returns the description of a host, or a sentence that says why there is none."""
    program = [sys.executable, "-m", "nnet.bin.describe_host", *(f"--address={ip}" for ip in addresses), "--", *paths]
    script = f"cd {shlex.quote(os.getcwd())} && exec env {shlex.join([*environment_for_hosts(), *program])}"
    words = ["bash", "-c", script]
    if name != LOCAL:
        words = ["ssh", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={SECONDS // 2}", name, shlex.join(words)]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} s"
    for line in done.stdout.splitlines():
        if line.startswith(MARK):
            return parse_json(line.removeprefix(MARK), name)
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return shortened(said[-1]) if said else f"ended with code {done.returncode} and no answer"


def answer(paths, addresses):
    """Returns the line by which a host answers."""
    return MARK + json.dumps(describe(paths, addresses))


def _is_own(address):
    """Whether an address is one of this machine."""
    try:
        kind, _, _, _, place = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind, socket.SOCK_STREAM) as probe:
            probe.bind(place)
    except OSError:
        return False
    return True


def _code():
    """Returns a checksum of the package's modules."""
    root, crc = os.path.dirname(nnet.__file__), 0
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                crc = zlib.crc32(f"{os.path.relpath(path, root)} {checksum(path)}".encode(), crc)
    return crc
