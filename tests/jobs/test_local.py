"""utils/run.sh: the contract of Kaldi's run.pl."""

import os
import signal
import subprocess
import sys
import time

import pytest

from nnet.cores import cores
from nnet.jobs.call import shell_command


@pytest.fixture
def start(root, tmp_path):
    """Starts utils/run.sh in tmp_path."""

    def start(*words, **environment):
        return subprocess.Popen(
            [root / "utils/run.sh", *words],
            cwd=tmp_path,
            text=True,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
        )

    return start


@pytest.fixture
def run(start):
    """Runs utils/run.sh to its end: (exit status, standard error)."""

    def run(*words, **environment):
        process = start(*words, **environment)
        _, said = process.communicate(timeout=60)
        return process.returncode, said

    return run


def test_an_array_of_jobs(run, tmp_path):
    words = ["--mem", "4G", "--gpu", "1", "JOB=1:3", "log/a.JOB.log"]
    assert run(*words, "echo", "job JOB of", "a b", "|", "sed", "s/job/Job/", ">", "out.JOB") == (0, "")
    assert [(tmp_path / f"out.{n}").read_text() for n in (1, 2, 3)] == [f"Job {n} of a b\n" for n in (1, 2, 3)]
    log = (tmp_path / "log/a.2.log").read_text()
    assert log.startswith('# echo "job 2 of" "a b" | sed s/job/Job/ > out.2\n# Started at ')
    assert "# Ended (code 0) at " in log


def test_a_single_command_and_another_name(run, tmp_path):
    assert run("log", "echo", "$((1 + 2))", "JOB")[0] == 0
    assert "\n3 JOB\n" in (tmp_path / "log").read_text()
    assert run("N=7", "x.N.log", "true", "N")[0] == 0
    assert (tmp_path / "x.7.log").exists()


def test_a_failure_shows_the_end_of_its_log(run, tmp_path):
    status, said = run("JOB=1:3", "--max-jobs-run", "3", "b.JOB.log", "seq", "50;", "test", "JOB", "-ne", "2")
    assert status == 1
    assert "1 of 3 job(s) failed" in said
    assert "b.2.log" in said
    assert "  50\n" in said
    assert "  40\n" not in said
    assert "Ended (code 1)" in said
    assert run("c.log", "false", "|", "cat")[0] == 1
    assert "Ended (code 127)" in run("d.log", "no-such-program")[1]


def test_no_more_jobs_start_after_a_failure(run, tmp_path):
    status, said = run("--max-jobs-run", "1", "JOB=1:4", "e.JOB.log", "test", "JOB", "-lt", "2")
    assert status == 1
    assert "1 of 4 job(s) failed, 2 not started" in said
    assert not (tmp_path / "e.3.log").exists()


def test_jobs_at_a_time(run, tmp_path):
    command = "mkdir lock && sleep 0.1 && rmdir lock"
    assert run("--max-jobs-run", "1", "JOB=1:3", "f.JOB.log", *command.split())[0] == 0


def test_threads_are_shared_unless_the_user_says(run, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    words = ["echo", "threads", "$OMP_NUM_THREADS"]
    assert run("--max-jobs-run", "1", "JOB=1:2", "g.JOB.log", *words)[0] == 0
    assert f"threads {cores()}\n" in (tmp_path / "g.1.log").read_text()
    assert run("--max-jobs-run", "1000", "JOB=1:2", "g.JOB.log", *words)[0] == 0
    assert f"threads {max(1, cores() // 2)}\n" in (tmp_path / "g.1.log").read_text()
    assert run("--num-threads", "3", "g.log", *words)[0] == 0
    assert "threads 3\n" in (tmp_path / "g.log").read_text()
    assert run("g.log", *words, OMP_NUM_THREADS="5")[0] == 0
    assert "threads 5\n" in (tmp_path / "g.log").read_text()
    assert run("g.log", *words)[0] == 0
    assert "threads\n" in (tmp_path / "g.log").read_text(), "its own processes may divide the cores"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["log"], "expected"),
        (["JOB=0:3", "log.JOB", "true"], "not a range of jobs"),
        (["JOB=3:2", "log.JOB", "true"], "not a range of jobs"),
        (["JOB=1:2", "log", "true"], "must contain JOB"),
        (["--max-jobs-run", "0", "log", "true"], "--max-jobs-run must be an integer"),
    ],
)
def test_bad_calls(run, words, message):
    status, said = run(*words)
    assert status == 1
    assert message in said


def test_no_arguments_show_the_usage(run):
    status, said = run()
    assert status == 1
    assert "usage: utils/run.sh" in said


def _wait_for(condition):
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # gone before, or while its state was read
        return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_end_of_the_runner_is_the_end_of_its_jobs(start, tmp_path, number):
    process = start(
        "JOB=1:2", "--max-jobs-run", "2", "h.JOB.log", "sleep", "100", "&", "echo", "$!", ">", "pid.JOB;", "wait"
    )
    files = [tmp_path / "pid.1", tmp_path / "pid.2"]
    _wait_for(lambda: all(f.exists() and f.read_text() for f in files))
    pids = [int(f.read_text()) for f in files]
    assert all(map(_alive, pids))
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    _wait_for(lambda: not any(map(_alive, pids)))


def test_jobs_survive_the_end_of_the_terminal_under_nohup(start, tmp_path):
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # inherited, as nohup does it
    try:
        process = start("h.log", "touch", "begun;", "while", "!", "[", "-e", "end", "];", "do", "sleep", "0.1;", "done")
    finally:
        signal.signal(signal.SIGHUP, handler)
    _wait_for((tmp_path / "begun").exists)
    process.send_signal(signal.SIGHUP)
    (tmp_path / "end").touch()
    process.communicate(timeout=20)
    assert process.returncode == 0


KILLED_AT_ONCE = """
import os, signal, subprocess, sys
from nnet.bin.run_jobs import main
start = subprocess.Popen
def start_and_die(*words, **options):
    print(start(*words, **options).pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
subprocess.Popen = start_and_die
main(sys.argv[1:])
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")
def test_a_job_does_not_survive_a_runner_that_is_killed_while_it_starts(tmp_path):
    command = [sys.executable, "-c", KILLED_AT_ONCE, "h.log", "sleep", "100"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with open(tmp_path / "pid", "w") as file:
        assert subprocess.run(command, cwd=tmp_path, env=environment, stdout=file).returncode == -signal.SIGKILL
    pid = int((tmp_path / "pid").read_text())
    _wait_for(lambda: not _alive(pid))


def test_quoting():
    words = ["a", "b c", 'd "e"', "", "|", "$x"]
    assert shell_command(words) == """a "b c" 'd "e"' "" | $x"""


def test_scripts_quote_their_words(root, tmp_path):
    """A checkout in a folder R&D: bash ran the first half of each path and put the second in the background."""
    words = ["R&D", "a'b", "a(b", "a$b", "a b", "", "*", "[1,2]", "\\x26", "`false`", 'a"b', "t\tn", "é", "~", "{a,b}"]
    script = f'. {root}/utils/jobs.sh; quote printf "<%s>" "$@"; {root}/utils/run.sh log "${{quoted[@]}}"'
    done = subprocess.run(["bash", "-euc", script, "x", *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "".join(f"<{word}>" for word in words) in (tmp_path / "log").read_text()
