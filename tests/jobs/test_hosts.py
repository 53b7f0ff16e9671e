"""Several machines: each is asked before a training starts, through real ssh to this one where there is an sshd."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from toy_data import make_config, make_data

from nnet.bin import launch
from nnet.errors import InputError
from nnet.jobs import hosts
from nnet.jobs.hosts import check_hosts, difference, fingerprint, read_hosts, threads_of
from nnet.ops import mx

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
needs_sshd = pytest.mark.skipif(not (SSHD and shutil.which("ssh")), reason="there is no sshd")

SERVER = """\
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
"""
CLIENT = """\
Host *
  HostName 127.0.0.1
  IdentityFile {folder}/user
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
Host alpha beta elsewhere
  Port {port}
Host gone
  Port {closed}
Host silent
  Port {silent}
"""
# The host `elsewhere` has the folder `there` where others have `here`.
WRAPPER = """\
#!/bin/bash
words=("$@") here={here} there={there}
case " $* " in *" elsewhere "*) words=("${{words[@]//"$here"/$there}}") ;; esac
exec {ssh} -F {folder}/config "${{words[@]}}"
"""


@pytest.fixture(scope="module")
def ssh(tmp_path_factory):
    """A folder with a program `ssh` that knows the hosts above, whose sshd runs until the end of these tests."""
    folder = tmp_path_factory.mktemp("ssh")
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    if os.getuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    with socket.socket() as silent, socket.socket() as free, socket.socket() as closed:
        for each in (silent, free, closed):
            each.bind(("127.0.0.1", 0))
        silent.listen()
        port, dead = (each.getsockname()[1] for each in (free, closed))
        free.close()
        (folder / "sshd_config").write_text(SERVER.format(folder=folder))
        ports = {"port": port, "closed": dead, "silent": silent.getsockname()[1]}
        (folder / "config").write_text(CLIENT.format(folder=folder, **ports))
        (folder / "bin").mkdir()
        program = folder / "bin/ssh"
        names = {"here": folder / "here", "there": folder / "there", "ssh": shutil.which("ssh"), "folder": folder}
        program.write_text(WRAPPER.format(**names))
        program.chmod(0o755)
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config", "-p", str(port)])
        for _ in range(100):
            if not subprocess.run([program, "alpha", "true"], capture_output=True).returncode:
                break
            time.sleep(0.1)
        yield folder
        server.terminate()
        server.wait()


@pytest.fixture
def there(ssh, root, monkeypatch):
    """The current directory on this machine, with data; `elsewhere` has another one."""
    for name, seed in (("here", 0), ("there", 5)):
        shutil.rmtree(ssh / name, ignore_errors=True)
        (ssh / name).mkdir()
        make_data(ssh / name / "train", utterances=2 + seed)
        make_data(ssh / name / "valid", utterances=1, seed=1)
        make_config(ssh / name / "c.json", training={"epochs": 1})
        for link in ("steps", "utils", "path.sh"):
            (ssh / name / link).symlink_to(root / link)
    monkeypatch.chdir(ssh / "here")
    monkeypatch.setenv("PATH", f"{ssh}/bin{os.pathsep}{os.environ['PATH']}")
    return ssh / "here"


def named(*names, ips=("127.0.0.1",)):
    return [{"ssh": name, "ips": list(ips)} for name in names]


@needs_sshd
def test_two_processes_through_ssh_train_what_two_here_train(there):
    (there / "hosts.json").write_text(json.dumps(named("alpha", "beta")))
    for name, how in (("ssh", ["--hosts", "hosts.json"]), ("here", ["--nproc", "2"])):
        words = ["steps/train_nnet.sh", *how, "c.json", "train", "valid", f"exp/{name}"]
        environment = os.environ | {"SV_PYTHON": sys.executable, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
    first, second = (mx.load(f"exp/{name}/model.safetensors") for name in ("ssh", "here"))
    for name in first:
        np.testing.assert_allclose(np.array(first[name]), np.array(second[name]), atol=1e-3)


@needs_sshd
def test_hosts_that_do_not_answer_are_named(there, monkeypatch):
    assert check_hosts(named("alpha"), [], "h.json").keys() == {"alpha"}
    monkeypatch.setattr(hosts, "SECONDS", 3)
    begun = time.monotonic()
    with pytest.raises(InputError) as raised:
        check_hosts(named("gone", "silent", "nosuch.invalid"), [], "h.json")
    assert time.monotonic() - begun < 30
    gone, silent, unknown = str(raised.value).split("; ")
    assert gone.startswith("gone: ssh: connect to host 127.0.0.1 port") and gone.endswith("Connection refused")
    assert silent.startswith(("silent: no answer within 3 s", "silent: Connection timed out"))
    assert unknown.startswith("nosuch.invalid: ")


@needs_sshd
@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("version", r"alpha: MLX \S+ there, 0\.1 here; install the same version"),
        ("code", r"alpha: the code in \S+/nnet differs from that in"),
        ("python", "alpha: .*/nosuch/python.*No such file"),
        ("data", "elsewhere: train: utt2spk is not the same there as here"),
        ("no data", "elsewhere: valid is not there; training needs the same path on each host"),
        ("address", r"beta: 192\.0\.2\.1 \(ips in h\.json\) is not an address of it"),
    ],
)
def test_hosts_that_differ_are_named(there, monkeypatch, what, message):
    ours, asked = named("alpha", "beta"), ["c.json", "train", "valid", "--option"]
    if what == "version":
        monkeypatch.setattr(hosts.importlib.metadata, "version", lambda name: "0.1")
    elif what == "code":
        monkeypatch.setattr(hosts, "_code", lambda: 0)
    elif what == "python":
        monkeypatch.setattr(sys, "executable", "/nosuch/python")
    elif what == "address":
        ours = named("alpha") + named("beta", ips=["192.0.2.1"])
    else:
        ours = named("alpha", "elsewhere")
        if what == "no data":
            shutil.rmtree(there.parent / "there/valid")
            asked.remove("train")
    with pytest.raises(InputError, match=message):
        check_hosts(ours, asked, "h.json")


def test_this_machine_needs_no_ssh(tmp_path, monkeypatch):
    for name in ("bash", "env"):
        (tmp_path / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path))
    answers = check_hosts(named("127.0.0.1", "127.0.0.1"), [], "h.json")
    assert threads_of(named("127.0.0.1", "127.0.0.1"), answers) == max(1, answers["127.0.0.1"]["cores"] // 2)
    assert threads_of(named("127.0.0.1"), answers) is None
    with pytest.raises(
        InputError, match=r"h\.json: ssh is not in PATH, which starts the processes on 127.0.0.1, alpha"
    ):
        check_hosts(named("127.0.0.1", "alpha"), [], "h.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "names no host"),
        ('["alpha"]', 'host 1 is not an object such as {"ssh"'),
        ('[{"ssh": "a"}, {"ips": []}]', "host 2: ssh is missing"),
        ('{"backend": "mpi"}', "hosts is missing"),
        ("{", "not JSON"),
    ],
)
def test_a_damaged_host_file_is_named(tmp_path, text, message):
    (tmp_path / "h.json").write_text(text)
    with pytest.raises(InputError, match=rf"h\.json: .*{message}"):
        read_hosts(tmp_path / "h.json")


def test_a_host_file_may_name_its_backend(tmp_path):
    (tmp_path / "h.json").write_text(json.dumps({"backend": "jaccl", "hosts": [{"ssh": "a", "ips": ["10.0.0.1"]}]}))
    assert read_hosts(tmp_path / "h.json") == ([{"ssh": "a", "ips": ["10.0.0.1"]}], "jaccl")


def test_directories_are_told_apart_by_what_they_hold(tmp_path):
    first, second = (make_data(tmp_path / name, utterances=2) for name in "ab")
    same = [fingerprint(str(path)) for path in (first, second)]
    assert same[0].keys() - {f"{first}/feats.ark"} == same[1].keys() - {f"{second}/feats.ark"}
    assert same[0]["utt2spk"] == same[1]["utt2spk"] and same[0][f"{first}/feats.ark"] > 0
    about = {"MLX": "1", "nnet": "1", "python": "3", "code": 1, "folder": "x"}
    ours = {**about, "paths": {"a": same[0], "new": {}}}
    assert difference({**about, "paths": {"a": same[0]}}, ours) is None, "a directory that is empty here may be missing"
    (first / "feats.ark").unlink()
    problem = difference({**about, "paths": {"a": fingerprint(str(first))}}, ours)
    assert problem == f"a: {first}/feats.ark is not the same there as here"


def test_slurm_without_a_job_is_named(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(InputError, match="--hosts slurm: this is no job of Slurm; use sbatch, salloc, or"):
        launch.main(["--hosts", "slurm", "train_nnet", "c.json"])
