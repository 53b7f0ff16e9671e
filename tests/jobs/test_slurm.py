"""utils/slurm.sh: what it asks of Slurm, and where one answers (tests/slurm/start_slurm.sh) the contract of run.sh."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from slurm_here import needs_slurm

from nnet.jobs.call import Call
from nnet.jobs.slurm import Submission


@pytest.fixture
def start(root, tmp_path):
    def start(*words):
        return subprocess.Popen([root / "utils/slurm.sh", *words], cwd=tmp_path, text=True, stderr=subprocess.PIPE)

    return start


@pytest.fixture
def run(start):
    """Runs utils/slurm.sh to its end: (exit status, standard error)."""

    def run(*words):
        process = start("--mem", "100M", *words)
        _, said = process.communicate(timeout=100)
        return process.returncode, said

    return run


def test_what_sbatch_is_called_with():
    options = {"--mem": "4G", "--gpu": "2", "--num-threads": "3", "--max-jobs-run": "5", "--partition": "long"}
    call = Submission(Call(options, "JOB", [1, 2, 3], "log/a.JOB.log", ["echo", "a b", "JOB", ">", "it's"]))
    command = call.command()
    assert command[0] == "sbatch"
    assert {"--mem=4G", "--gres=gpu:2", "--cpus-per-task=3", "--partition=long", "--array=1-3%5"} < set(command)
    assert call.logs == ["log/a.1.log", "log/a.2.log", "log/a.3.log"]
    *_, environment, line = call.script().splitlines()
    words = "--num-threads 3 JOB=$SLURM_ARRAY_TASK_ID log/a.JOB.log echo 'a b' JOB '>' 'it'\"'\"'s'"
    assert line == f"exec {sys.executable} -m nnet.bin.run_jobs {words}"
    assert environment.startswith("export PATH=")
    alone = Submission(Call({"--gpu": "0"}, None, [None], "log", ["true"]))
    assert not [word for word in alone.command() if word.startswith(("--gres", "--array", "--cpus"))]
    for option in ("--cpus-per-task", "-c"):
        short = Submission(Call({option: "16", "-p": "gpu"}, None, [None], "log", ["true"]))
        assert "-p gpu --cpus-per-task=16" in " ".join(short.command())
        assert "--num-threads 16 " in short.script()


def test_a_job_needs_no_environment_but_its_script(root, tmp_path):
    """With --export=NONE, or from an installed wheel: the script itself says where Python and the package are."""
    (tmp_path / "sbatch").write_text(
        "#!/bin/bash\ncat >job.sh\nfor i in 1 2; do env -i SLURM_ARRAY_TASK_ID=$i bash job.sh; done\necho 1\n"
    )
    (tmp_path / "squeue").write_text("#!/bin/bash\n")
    for name in ("sbatch", "squeue"):
        (tmp_path / name).chmod(0o755)
    os.symlink(root / "nnet", tmp_path / "nnet")
    path = os.pathsep.join([str(tmp_path), os.path.dirname(sys.executable), os.environ["PATH"]])
    code = "import nnet, sys; sys.exit(nnet.__name__ != 'nnet')"
    done = subprocess.run(
        [sys.executable, "-m", "nnet.bin.slurm_jobs", "JOB=1:2", "log.JOB", "python", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for number in (1, 2):
        assert "# Ended (code 0)" in (tmp_path / f"log.{number}").read_text()


def test_without_slurm_one_line_says_so(root, tmp_path):
    os.symlink(sys.executable, tmp_path / "python")
    for name in ("bash", "dirname"):
        os.symlink(shutil.which(name), tmp_path / name)
    done = subprocess.run(
        [root / "utils/slurm.sh", "log", "true"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == "slurm.sh: error: sbatch is not in PATH; is this a cluster node with Slurm?\n"


@pytest.mark.parametrize(("jobs", "runner"), [(None, "utils/run.sh"), ("slurm", "utils/slurm.sh --mem 4G"), ("x", "")])
def test_a_variable_chooses_where_jobs_run(root, jobs, runner):
    environment = {k: v for k, v in os.environ.items() if k != "SV_JOBS"} | ({"SV_JOBS": jobs} if jobs else {})
    command = ["bash", "-c", '. ./cmd.sh; echo "$train_cmd"']
    done = subprocess.run(command, cwd=root / "egs/mini", env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == runner
    assert done.returncode == (not runner)


@pytest.mark.parametrize(("gres", "gpu"), [("(null)", ""), ("gpu:a100:4(S:0-1)", " --gpu 1"), (None, "")])
def test_a_gpu_is_asked_for_where_there_is_one(root, tmp_path, gres, gpu):
    if gres:
        (tmp_path / "sinfo").write_text(f"#!/bin/sh\necho '{gres}'\n")
        (tmp_path / "sinfo").chmod(0o755)
    environment = {"SV_JOBS": "slurm", "PATH": f"{tmp_path}:/usr/bin:/bin" if gres else str(tmp_path)}
    command = [shutil.which("bash"), "-c", 'set -euo pipefail; . ./cmd.sh; echo "$gpu_cmd"']
    done = subprocess.run(command, cwd=root / "egs/mini", env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == f"utils/slurm.sh --mem 16G{gpu}", done.stderr


@needs_slurm
def test_an_array_of_jobs(run, tmp_path):
    words = ["--max-jobs-run", "2", "JOB=1:3", "log/a.JOB.log"]
    assert run(*words, "echo", "job JOB of", "a b", "|", "sed", "s/job/Job/", ">", "out.JOB") == (0, "")
    assert [(tmp_path / f"out.{n}").read_text() for n in (1, 2, 3)] == [f"Job {n} of a b\n" for n in (1, 2, 3)]
    log = (tmp_path / "log/a.2.log").read_text()
    assert log.startswith('# echo "job 2 of" "a b" | sed s/job/Job/ > out.2\n# Started at ')
    assert "# Ended (code 0) at " in log


@needs_slurm
def test_a_failure_shows_the_end_of_its_log(run, tmp_path):
    status, said = run("JOB=1:3", "b.JOB.log", "seq", "50;", "test", "JOB", "-ne", "2")
    assert status == 1
    assert "1 of 3 job(s) failed; log: b.2.log" in said
    assert "  50\n" in said
    assert "Ended (code 1)" in said
    (tmp_path / "b.2.log").write_text("# Ended (code 0) of an earlier run\n")
    assert run("b.2.log", "false")[0] == 1


@needs_slurm
def test_what_slurm_refuses_is_told(run):
    status, said = run("--partition", "nosuch", "c.log", "true")
    assert status == 1
    assert "Invalid partition name specified" in said


def wait_for(condition):
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


@needs_slurm
@pytest.mark.parametrize("which", ["running", "waiting"])
def test_a_canceled_job_fails_the_call(start, tmp_path, which):
    process = start(
        "--mem", "100M", "--max-jobs-run", "1", "JOB=1:2", "d.JOB.log", "sleep", "30" if which == "running" else "3"
    )
    wait_for((tmp_path / "d.1.log").exists)
    queued = subprocess.run(["squeue", "-h", "-r", "-o", "%i", "-t", "all"], capture_output=True, text=True).stdout
    job = max(int(line.split("_")[0]) for line in queued.split())
    subprocess.run(["scancel", f"{job}_2" if which == "waiting" else str(job)], check=True)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert ("it never started" if which == "waiting" else "it was killed") in said


@needs_slurm
def test_a_signal_cancels_the_jobs(start, tmp_path):
    process = start("--mem", "100M", "e.log", "sleep", "60")
    wait_for((tmp_path / "e.log").exists)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    label = said.split(", ")[1].split()[0]
    wait_for(lambda: not subprocess.run(["squeue", "-h", f"--name={label}"], capture_output=True).stdout)


@needs_slurm
def test_the_recipe_mini_runs_its_jobs_through_slurm(root, tmp_path):
    pytest.importorskip("espeakng_loader")
    for name in ("steps", "utils", "local", "nnet_conf", "path.sh", "cmd.sh"):
        (tmp_path / name).symlink_to(root / name)
    shutil.copytree(root / "egs/mini/conf", tmp_path / "conf")
    shutil.copy(root / "egs/mini/run.sh", tmp_path)
    small = ["--train-speakers", "22", "--test-speakers", "3", "--utterances", "4", "--set", "training.epochs=1"]

    def recipe(*words):
        command = ["./run.sh", *small, "--nj", "2", "--stop-stage", "5", "--cmd", "utils/slurm.sh --mem 500M", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    done = recipe()
    assert done.returncode == 0, done.stderr
    assert "Ended (code 0)" in (tmp_path / "data/mfcc/train/log/make_mfcc_train.2.log").read_text()
    assert list((tmp_path / "exp/xvector/embeddings_test/log/q").iterdir()), "Slurm's own outputs"
    (tmp_path / "exp/xvector/model.safetensors").write_bytes(b"")
    broken = recipe("--stage", "5")
    assert broken.returncode != 0
    assert "slurm.sh: 2 of 2 job(s) failed; log: exp/xvector/embeddings_train/log/extract.1.log" in broken.stderr
    assert "Ended (code 1)" in broken.stderr
