"""The shell wrappers: every option reaches its program, a wrong call ends with a usage and a failure."""

import os
import subprocess
import sys

import numpy as np
import pytest

from nnet.kaldi.tables import write_table
from nnet.kaldi.trials import write_trials


@pytest.fixture
def recipe(root, tmp_path):
    """A function that runs steps/NAME.sh in a folder which links to the scripts, as a recipe's does."""
    for name in ("steps", "utils", "path.sh"):
        (tmp_path / name).symlink_to(root / name)

    def run(name, arguments):
        command = ["bash", f"steps/{name}.sh", *arguments.split()]
        environment = {**os.environ, "SV_PYTHON": sys.executable}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


@pytest.fixture
def sets(tmp_path, write_folder):
    """Folders train and test of embeddings, data/utt2spk and trials."""
    rng = np.random.default_rng(0)
    for name in ("train", "test"):
        centres = 4 * rng.normal(size=(10, 6))
        ids = [f"{name}{s}-{u}" for s in range(10) for u in range(4)]
        write_folder(tmp_path / name, {key: centres[i // 4] + rng.normal(size=6) for i, key in enumerate(ids)})
        (tmp_path / "data").mkdir(exist_ok=True)
        write_table(tmp_path / "data" / "utt2spk", {key: key.split("-")[0] for key in ids})
        if name == "train":
            (tmp_path / "data").rename(tmp_path / "data_train")
    pairs = [(a, b, a.split("-")[0] == b.split("-")[0]) for a in ids for b in ids if a < b]
    write_trials(tmp_path / "trials", pairs)


CALLS = [
    ("train_backend", "--lda-dim 5 --whiten true --wccn true --num-em-iters 5 --adapt test train data_train backend"),
    ("score", "--method plda --backend backend --smoothing 0.1 trials test test scores/plda"),
    (
        "score_norm",
        "--method plda --backend backend --smoothing 0.1 --norm s train trials test test scores/plda normed",
    ),
    ("train_calibration", "--p-target 0.1 --c-miss 2 trials scores/plda normed model.json"),
    ("calibrate_scores", "--c-fa 3 model.json scores/plda normed fused"),
    (
        "compute_metrics",
        "--bootstrap 5 --cost 1,1,0.3 --title x --utt2spk data/utt2spk --report report trials scores/plda fused",
    ),
]


def test_all_in_a_row(recipe, sets, tmp_path):
    for name, arguments in CALLS:
        result = recipe(name, arguments)
        assert result.returncode == 0, result.stderr
    assert (tmp_path / "report" / "report.html").exists()
    assert "minDCF(1,1,0.3)" in result.stdout and "fused" in result.stdout


def test_scores_of_another_choice_of_methods_do_not_stay(recipe, sets, tmp_path):
    old = tmp_path / "scores/trials/plda"
    old.parent.mkdir(parents=True)
    old.write_text("of an earlier call\n")
    result = recipe("score_lists", "--methods cosine test test scores trials")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "scores/trials/cosine").exists() and not old.exists()
    for methods, said in (("cosine pdla", "unknown method pdla"), ("plda_coral", "plda_coral needs --coral")):
        result = recipe("score_lists", f"--methods {methods.split()[-1]} test test scores trials")
        assert result.returncode == 1 and said in result.stderr
        assert (tmp_path / "scores/trials/cosine").exists(), "a refused call removes nothing"


def test_an_option_that_the_program_does_not_have_is_named(recipe, sets):
    result = recipe("train_backend", "--lda-dimension 5 train data_train backend")
    assert result.returncode != 0 and '--lda-dimension: no such option; did you mean "--lda-dim"?' in result.stderr


def test_a_failure_of_the_program_is_shown_and_fails_the_call(recipe, sets):
    result = recipe("score", "--method plda trials test test scores/plda")
    assert result.returncode != 0 and "needs --backend DIR" in result.stderr
