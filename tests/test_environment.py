"""path.sh and the set-up behind it. Nothing is installed here: pip is replaced by a note of what it was asked for."""

import os
import shutil
import subprocess
import sys
import threading
import time

import pytest

import nnet
from nnet.bin import make_environment
from nnet.errors import InputError


@pytest.fixture
def source(root):
    """Sources path.sh in a folder, as a script of strict settings does; prints what it set."""

    def run(cwd=root, shell="set -euo pipefail", after="", **variables):
        script = f'{shell}\n. ./path.sh\n{after}\nprintf "%s\\n" "$(command -v python)" "$PYTHONPATH" "$LC_ALL"'
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SV_") and k != "PYTHONPATH"}
        return subprocess.run(
            ["bash", "-c", script],
            cwd=cwd,
            env=clean | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    return run


def test_path_keeps_the_folders_of_own_classes(source, root):
    done = source(SV_PYTHON=sys.executable, PYTHONPATH="/my/modules", after=". ./path.sh")
    assert done.stdout.splitlines()[1] == f"{root}:/my/modules", done.stderr


@pytest.mark.parametrize("folder", ["", "egs/mini", "egs/librispeech"])
def test_path_finds_the_root_through_the_links(source, root, folder):
    done = source(root / folder, SV_PYTHON=sys.executable, CDPATH="/")
    assert done.returncode == 0, done.stderr
    python, pythonpath, lc_all = done.stdout.splitlines()
    assert os.path.samefile(python, sys.executable)
    assert (pythonpath, lc_all) == (str(root), "C")
    assert done.stderr == ""


def test_path_finds_the_command(source):
    done = source(SV_PYTHON=sys.executable, after="mlx-speaker --version")
    assert done.stdout.splitlines()[0] == f"mlx-speaker {nnet.__version__}", done.stderr


def test_the_command_of_a_checkout_can_be_linked(root, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "there").symlink_to(root / "utils/mlx-speaker")
    (tmp_path / "bin/mlx-speaker").symlink_to("../there")
    environment = os.environ | {"SV_PYTHON": sys.executable}
    done = subprocess.run([tmp_path / "bin/mlx-speaker", "--version"], env=environment, capture_output=True, text=True)
    assert done.stdout == f"mlx-speaker {nnet.__version__}\n", done.stderr


def test_path_keeps_the_arguments_of_the_script(source):
    done = source(SV_PYTHON=sys.executable, shell="set -euo pipefail; set -- one 'two three'", after='echo "$# $2"')
    assert done.stdout.splitlines()[0] == "2 two three"


def test_a_second_script_does_not_choose_again(source):
    after = "set -x; . ./path.sh; set +x"
    assert "make_environment" not in source(SV_PYTHON=sys.executable, after=after).stderr
    assert "make_environment" in source(SV_PYTHON=sys.executable, after=f"SV_EXTRAS=test; {after}").stderr


def test_an_interpreter_that_is_not_called_python_becomes_python(source, root, tmp_path):
    """As Debian's, which is only called python3."""
    if not os.path.exists(os.path.join(sys.prefix, "pyvenv.cfg")):
        pytest.skip("needs to run in a virtual environment")
    environment, clone = tmp_path / "environment", tmp_path / "clone"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin/python3").symlink_to(os.path.realpath(sys.executable))
    (environment / "lib").symlink_to(os.path.join(sys.prefix, "lib"))
    shutil.copy(os.path.join(sys.prefix, "pyvenv.cfg"), environment)
    (clone / "steps").mkdir(parents=True)
    for name in ("path.sh", "setup.py", "nnet"):
        (clone / name).symlink_to(root / name)
    done = source(clone, SV_PYTHON=f"{environment}/bin/python3", after="python -c 'import sys; print(sys.executable)'")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == f"{environment}/bin/python3"


@pytest.mark.parametrize("shell", ["", "set -euo pipefail"])
def test_a_python_that_cannot_be_used_stops_the_script(source, shell):
    done = source(shell=shell, SV_PYTHON="/no/such/python")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "path.sh: no Python 3.10 or newer among: /no/such/python" in done.stderr


def test_what_a_named_python_lacks_is_named(source, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    done = source(SV_PYTHON=str(bare / "bin/python"), SV_EXTRAS="mini")
    assert done.returncode == 1
    assert "lacks kaldiio, matplotlib, " in done.stderr
    assert "espeakng-loader" in done.stderr


def test_a_package_that_is_too_old_is_lacking():
    assert make_environment.missing(["numpy>=1.0", "pytest>=3,<99; sys_platform == 'linux'"]) == []
    assert make_environment.missing(["numpy>=999.1", "pytest"]) == ["numpy>=999.1"]


def test_an_unknown_extra_is_named(source):
    done = source(SV_PYTHON=sys.executable, SV_EXTRAS="mini,nosuch")
    assert done.returncode == 1
    assert "nosuch is not an extra" in done.stderr


@pytest.fixture
def project(tmp_path, root, monkeypatch):
    """A folder with setup.py where environments are only pretended; `calls` has what was to be run."""
    shutil.copy(root / "setup.py", tmp_path)
    calls = []

    def call(command, _log):
        command = list(map(str, command))
        calls.append(command)
        if "venv" in command:
            (tmp_path / ".venv/bin").mkdir(parents=True)
            (tmp_path / ".venv/bin/python").symlink_to(sys.executable)

    monkeypatch.setattr(make_environment, "_call", call)
    monkeypatch.setattr(make_environment, "missing", lambda _requires: ["mlx"])
    monkeypatch.setattr(make_environment, "nvidia_driver", lambda: 0)
    monkeypatch.delenv("SV_PYTHON", raising=False)
    monkeypatch.setenv("SV_EXTRAS", "")
    monkeypatch.calls = calls
    monkeypatch.folder = tmp_path
    return monkeypatch


def make(project):
    project.calls.clear()
    make_environment.main([str(project.folder)])
    return [command[2] for command in project.calls]


def test_the_environment_is_made_once(project, capsys):
    assert make(project) == ["venv", "pip"]
    assert capsys.readouterr().out == f"{project.folder}/.venv/bin/python\n"
    assert make(project) == []


def test_another_extra_or_setup_is_added(project):
    make(project)
    project.setenv("SV_EXTRAS", "mini")
    assert make(project) == ["pip"]
    assert "espeakng-loader>=0.2" in project.calls[0]
    project.setenv("SV_EXTRAS", "")
    assert make(project) == [], "what was once asked for stays"
    with open(project.folder / "setup.py", "a") as file:
        file.write("# newer\n")
    assert make(project) == ["pip"]
    assert "espeakng-loader>=0.2" in project.calls[0]


def test_an_interrupted_set_up_is_begun_anew(project, capsys):
    call = make_environment._call

    def killed(command, log):
        if "pip" in command:
            raise KeyboardInterrupt
        call(command, log)

    project.setattr(make_environment, "_call", killed)
    with pytest.raises(KeyboardInterrupt):
        make(project)
    (project.folder / ".venv/half").touch()
    project.setattr(make_environment, "_call", call)
    assert make(project) == ["venv", "pip"]
    assert not (project.folder / ".venv/half").exists()
    assert "repairing .venv" in capsys.readouterr().err


def test_somebody_elses_environment_is_left_alone(project):
    (project.folder / ".venv").mkdir()
    (project.folder / ".venv/mine").touch()
    with pytest.raises(InputError, match="was not made by path.sh"):
        make(project)
    assert (project.folder / ".venv/mine").exists()


def test_two_at_a_time_wait_for_each_other(project):
    said = []
    project.setattr(make_environment, "_say", said.append)
    second = threading.Thread(target=make_environment.main, args=([str(project.folder)],))
    with make_environment._locked(project.folder / ".venv.lock"):
        second.start()
        while "waiting for another process that sets up .venv" not in said:
            assert second.is_alive()
            time.sleep(0.01)
        make_environment._make(project.folder / ".venv", project.folder / "setup.py", [])
        project.calls.clear()
    second.join()
    assert project.calls == [], "the second one finds the work done"


@pytest.mark.parametrize(
    "answer, device",
    [("echo 580.65.06", "cuda13"), ("echo 555.42.02", "cuda12"), ("echo 470.1.1", "cpu"), ("exit 9", "cpu")],
)
def test_the_device_follows_the_driver(tmp_path, monkeypatch, answer, device):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{answer}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(sys, "platform", "linux")
    assert make_environment.choose_device()[0] == device
    monkeypatch.setattr(sys, "platform", "darwin")
    assert make_environment.choose_device()[0] == ""


def test_mlx_of_two_devices_is_never_asked_for(root):
    for device in ("cpu", "cuda12", "cuda13"):
        requires = make_environment.requirements(root / "setup.py", [device, "mini"])
        assert [r.split(">")[0] for r in requires if r.startswith("mlx[")] == [f"mlx[{device}]"]
