"""Two processes that train together against one with the joint batch; a lost process stops the other."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from toy_data import make_config, make_data

from nnet.jobs.launch import launcher
from nnet.ops import mx

# Batch normalisation sees only a process's own share of the batch, so here it keeps its initial statistics.
WITHOUT_BATCH_NORM = {"epochs": 1, "freeze": ["*.bn.*"]}

# Every update makes of two roundings two networks farther apart; the second shows whether the first was the same.
TWO_STEPS = {"steps_per_epoch": 2}

# Of six chunks one alone may pass a ReLU; to normalise its outputs, as in relu-bn, would blow up rounding errors.
BATCH_NORM_FIRST = {"network": {"order": "bn-relu"}, "embedding": {"order": "bn-relu"}}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_data(folder / "train", utterances=6)
    make_data(folder / "valid", utterances=2, seed=1)
    return folder


def launch(root, nproc, *arguments):
    command = [sys.executable, "-m", "nnet.bin.launch", "--nproc", str(nproc), "train_nnet", *map(str, arguments)]
    return subprocess.run(
        command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True, timeout=120
    )


def run_two(root, script, *arguments):
    """Runs a script of tests/ as two processes that train together, with the threads that `launch` gives them."""
    code = (
        "import sys; from nnet.jobs.launch import run_here; from nnet.jobs.local import environment_of; "
        "sys.exit(not run_here(sys.argv[1:], 2, environment_of(2)))"
    )
    command = [sys.executable, "-c", code, sys.executable, str(root / "tests" / script), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120)


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert np.array_equal(np.array(first[name]), np.array(second[name])), name


def losses(directory):
    return [json.loads(line)["train_loss"] for line in (directory / "log.jsonl").read_text().splitlines()]


def test_two_processes_equal_one_with_the_joint_batch(root, data, tmp_path):
    # Five of six speakers are sampled: the four of the joint batch and another one, the same in both processes.
    loss = {"type": "softmax", "sample_classes": 0.8}
    batches = TWO_STEPS | {"batch_size": 4}
    config = make_config(tmp_path / "c.json", training=WITHOUT_BATCH_NORM, data=batches, loss=loss)
    for nproc in (1, 2):
        done = launch(root, nproc, config, data / "train", data / "valid", tmp_path / f"exp{nproc}")
        assert done.returncode == 0, done.stdout + done.stderr
    assert np.allclose(losses(tmp_path / "exp1"), losses(tmp_path / "exp2"), rtol=1e-4)
    one, two = (mx.load(str(tmp_path / f"exp{n}" / "model.safetensors")) for n in (1, 2))
    for name in one:
        assert np.allclose(np.array(one[name]), np.array(two[name]), atol=1e-4), name


def test_synchronised_batch_norm_has_the_statistics_of_the_joint_batch(root, data, tmp_path):
    config = make_config(tmp_path / "c.json", training={"epochs": 1}, data=TWO_STEPS, **BATCH_NORM_FIRST)
    for name, nproc, sync in (("one", 1, "true"), ("joint", 2, "true"), ("apart", 2, "false")):
        options = ["--set", f"training.sync_batch_norm={sync}", config]
        done = launch(root, nproc, *options, data / "train", data / "valid", tmp_path / name)
        assert done.returncode == 0, done.stdout + done.stderr
    assert np.allclose(losses(tmp_path / "one"), losses(tmp_path / "joint"), rtol=1e-4)
    assert not np.allclose(losses(tmp_path / "one"), losses(tmp_path / "apart"), rtol=1e-2)
    one, joint = (mx.load(str(tmp_path / name / "model.safetensors")) for name in ("one", "joint"))
    for name in one:
        assert np.allclose(np.array(one[name]), np.array(joint[name]), atol=1e-4), name


def test_a_resumed_training_logs_what_an_undisturbed_one_does(root, data, tmp_path):
    training = {"epochs": 1, "save_every": 2, "ema": 0.5}
    config = make_config(tmp_path / "c.json", training=training, **BATCH_NORM_FIRST)
    arguments = [config, data / "train", data / "valid"]
    done = run_two(root, "stopped_training.py", *arguments, tmp_path / "b")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [f.name for f in (tmp_path / "b/checkpoints").iterdir()] == ["epoch-0000-step-00000002"]
    for name, resume in (("a", "false"), ("b", "true")):
        done = launch(root, 2, "--resume", resume, *arguments, tmp_path / name)
        assert done.returncode == 0, done.stdout + done.stderr
    assert_equal(*(mx.load(str(tmp_path / name / "model.safetensors")) for name in "ab"))
    # The processes add up their sums in float32: once more where there was a checkpoint.
    assert np.allclose(losses(tmp_path / "a"), losses(tmp_path / "b"), rtol=1e-6)


def test_averaged_weights_have_shared_statistics(root, data, tmp_path):
    config = make_config(tmp_path / "c.json", training={"epochs": 1})
    for ema in ("0", "1e-9"):
        done = launch(root, 2, "--set", f"training.ema={ema}", config, data / "train", data / "valid", tmp_path / ema)
        assert done.returncode == 0, done.stdout + done.stderr
    plain, averaged = (mx.load(str(tmp_path / ema / "model.safetensors")) for ema in ("0", "1e-9"))
    for name in plain:
        assert np.allclose(np.array(plain[name]), np.array(averaged[name]), atol=1e-5), name


def test_gradients_are_those_of_the_joint_batch_whatever_the_cores(root):
    command = [*launcher(2), sys.executable, str(root / "tests" / "joint_gradients.py")]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True, timeout=120
    )
    errors = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("error")]
    assert len(errors) == 2 and max(errors) < 1e-4, done.stdout + done.stderr


def test_a_failing_training_fails_the_launch(root, data, tmp_path):
    config = make_config(tmp_path / "c.json", schedule={"type": "validation", "learning_rate": 1e30})
    done = launch(root, 2, config, data / "train", data / "valid", tmp_path / "exp")
    assert done.returncode == 1
    assert "the learning rate 1e+30 is probably too high" in done.stdout
    assert done.stderr.splitlines()[-1].startswith("launch: error: a process of the training failed")
