"""egs/mini from audio to the table, small; killed in every stage on the way, with the same end; on other features."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

OPTIONS = [
    *("--train-speakers", "20", "--test-speakers", "4", "--utterances", "5", "--nj", "2", "--lda-dim", "15"),
    *("--set", "training.epochs=3 network.dims=[32,32,32,32,64] embedding.dims=[32,32] data.num_workers=1"),
]
STAGES = (0, 1, 3, 4, 5, 6, 7)
KILLED = (0, 1, 4, 6)  # the others run the same kinds of jobs


@pytest.fixture
def recipe(root, tmp_path, monkeypatch):
    """Makes folders as egs/mini is, where a recipe can run without touching what a user has there."""
    pytest.importorskip("espeakng_loader")
    monkeypatch.setenv("SV_PYTHON", sys.executable)
    monkeypatch.delenv("SV_READY", raising=False)

    def make(name):
        folder = tmp_path / name
        shutil.copytree(
            root / "egs/mini", folder, symlinks=True, ignore=shutil.ignore_patterns("data", "exp", "corpus")
        )
        for link in (p for p in folder.iterdir() if p.is_symlink()):
            target = root / link.name
            link.unlink()
            link.symlink_to(target)
        return folder

    return make


def run(folder, *options):
    done = subprocess.run(["./run.sh", *OPTIONS, *options], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return [int(number) for number in re.findall(r" stage (\d): ", done.stdout)], done


def run_and_kill_in(stage, folder, seconds):
    """Starts the recipe and kills all of it a moment after the stage has begun."""
    started = subprocess.Popen(
        ["./run.sh", *OPTIONS],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        for line in started.stdout:
            if f" stage {stage}: " in line:
                time.sleep(seconds)
                break
        else:
            pytest.fail(f"stage {stage} did not begin")
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def results(folder):
    names = ("results.txt", "model.safetensors", "scores/test.cosine", "scores/test.plda")
    return {name: (folder / "exp/xvector" / name).read_bytes() for name in names}


def test_from_audio_to_the_table_whatever_is_killed(recipe):
    undisturbed, disturbed = recipe("undisturbed"), recipe("disturbed")
    ran, done = run(undisturbed)
    assert ran == list(STAGES)
    assert "EER" in done.stdout
    for stage in KILLED:
        run_and_kill_in(stage, disturbed, seconds=2.5 if stage == 4 else 0.4)
    run(disturbed)
    assert results(disturbed) == results(undisturbed)

    ran, done = run(undisturbed)
    assert ran == []
    assert "all stages are up to date" in done.stdout
    assert "EER" in done.stdout
    assert run(undisturbed, "--stage", "7")[0] == [7]
    assert results(disturbed) == results(undisturbed)

    smaller = "network.depth=18 network.channels=2 embedding.dims=[16] training.epochs=1"
    ran, _ = run(undisturbed, "--nnet-conf", "conf/resnet34.json", "--set", smaller, "--stop-stage", "4")
    assert ran == [1, 3, 4], "another kind of features lies beside the first"
    assert json.loads((undisturbed / "data/fbank/net/train/feats_conf.json").read_text())["cmvn"] == "utterance"
