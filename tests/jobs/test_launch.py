"""The processes of one machine: all end well, or all are stopped."""

import os
import subprocess
import sys

import pytest

from nnet.jobs.launch import free_ports, run_here, shared_environment

RANK = "import os, sys, time; rank = os.environ['MLX_RANK']; os.write(1, b'%d\\n' % os.getpid()); "


def run(program, nproc=2):
    return run_here([sys.executable, "-c", RANK + program], nproc, os.environ)


def test_all_end_well():
    assert run("sys.exit(not os.path.exists(os.environ['MLX_HOSTFILE']))")


@pytest.mark.parametrize(("limit", "of_two"), [(None, "4"), ("8", "4"), ("3", "3"), ("4,2", "4,2")])
def test_the_threads_of_a_job_are_shared(monkeypatch, limit, of_two):
    monkeypatch.setattr("nnet.jobs.launch.cores", lambda: 8)
    monkeypatch.setattr("nnet.jobs.local.cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if limit:
        monkeypatch.setenv("OMP_NUM_THREADS", limit)
    assert shared_environment(2)["OMP_NUM_THREADS"] == of_two


def test_one_that_fails_stops_the_others(tmp_path):
    waited = tmp_path / "waited"
    assert not run(f"rank == '1' and sys.exit(3); time.sleep(60); open({str(waited)!r}, 'w')")
    assert not waited.exists()


def test_one_process_knows_of_no_ring():
    assert run("sys.exit('MLX_HOSTFILE' in os.environ)", nproc=1)


def test_a_stopped_launch_stops_its_processes(root):
    command = f"[sys.executable, '-c', {RANK + 'time.sleep(60)'!r}]"
    code = f"import os, sys; from nnet.jobs.launch import run_here; run_here({command}, 2, os.environ)"
    launch = subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True)
    pids = [int(launch.stdout.readline()) for _ in range(2)]
    launch.terminate()
    assert launch.wait() == 143
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_ports_differ():
    assert len(set(free_ports(20))) == 20
