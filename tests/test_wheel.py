"""The built wheel in an empty folder, without the checkout: command line, loader workers, training."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from toy_data import make_config, make_data

import nnet


@pytest.fixture(scope="module")
def run(root, tmp_path_factory):
    """Runs a command in a folder of its own, with nnet from the wheel; `run.folder` is that folder."""
    source, site, folder = (tmp_path_factory.mktemp(name) for name in ("source", "site", "folder"))
    for name in ("setup.py", "README.md", "LICENSE", "resnet_embedding.py"):
        shutil.copy(root / name, source)
    shutil.copytree(root / "nnet", source / "nnet", ignore=shutil.ignore_patterns("__pycache__"))
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH" and not k.startswith("SV_")}
    environment = clean | {"PYTHONPATH": str(site), "PATH": f"{site}/bin{os.pathsep}{os.environ['PATH']}"}

    def run(*words, env=environment):
        done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(source), str(source), env=clean)
    (wheel,) = source.glob("mlx_kaldi_speaker-*.whl")
    assert wheel.name == f"mlx_kaldi_speaker-{nnet.__version__}-py3-none-any.whl"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    run(*pip, "--target", str(site), str(wheel), env=clean)
    run.folder, run.site = folder, site
    return run


@pytest.fixture(scope="module")
def model(run):
    """The path of a model that the wheel trained for 3 steps, with two loader workers."""
    make_data(run.folder / "train")
    make_data(run.folder / "valid", utterances=1, seed=1)
    config = make_config(run.folder / "c.json", data={"num_workers": 2, "steps_per_epoch": 3}, training={"epochs": 1})
    run(sys.executable, "-m", "nnet.bin.train_nnet", str(config), "train", "valid", "model")
    return run.folder / "model"


def test_the_package_is_that_of_the_wheel_and_typed(run):
    where = run(sys.executable, "-c", "import nnet; print(nnet.__file__)").strip()
    assert where == str(run.site / "nnet" / "__init__.py")
    assert (run.site / "nnet" / "py.typed").is_file()
    assert (
        run(sys.executable, "-c", "import resnet_embedding as r; print(r.__file__)").strip().startswith(str(run.site))
    )
    assert not (run.site / "tests").exists()


def test_the_console_command(run):
    said = run("mlx-speaker", "--help")
    assert "usage: mlx-speaker" in said and "check-config" in said
    assert run("mlx-speaker", "--version") == f"mlx-speaker {nnet.__version__}\n"


def test_training_with_loader_workers(model):
    (line,) = [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]
    assert line["epoch"] == 1 and line["train_loss"] > 0
    assert (model / "model.safetensors").is_file()


def test_comparing_recordings(run, model):
    rng = np.random.default_rng(0)
    for name in ("a.wav", "b.wav"):
        soundfile.write(run.folder / name, 0.1 * rng.normal(size=16000), 16000)
    a, b, cosine = run("mlx-speaker", "compare", str(model), "a.wav", "b.wav").split()
    assert (a, b) == ("a.wav", "b.wav") and -1 <= float(cosine) <= 1
    by_default = run("mlx-speaker", "compare", "a.wav", "b.wav").split()  # the model of the package
    assert by_default[:2] == ["a.wav", "b.wav"] and 0 <= float(by_default[3]) <= 1 and by_default[2] != cosine
