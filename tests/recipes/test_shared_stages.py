"""steps/recipe.sh: the options of every recipe, and what it asks of a configuration."""

import json
import os
import shutil
import subprocess
import sys

import pytest

RECIPE = """#!/usr/bin/env bash
# A recipe of its own.
set -euo pipefail
. steps/recipe.sh
# Options (--some-name VALUE) and their defaults:
corpus=here nj=8
large_margin=loss.margin=0.5
methods=cosine
begin_recipe "$@"

check_words methods cosine plda
check_training
echo "$corpus $nj $nnet_conf $name $type $vad $cmvn $feats $net $margin $train_cmd"
"""


@pytest.fixture
def recipe(root, tmp_path):
    """A folder with a recipe and a configuration; gives a function that runs it."""
    for name in ("steps", "utils", "local", "nnet_conf", "path.sh", "cmd.sh"):
        (tmp_path / name).symlink_to(root / name)
    (tmp_path / "run.sh").write_text(RECIPE)
    shutil.copymode(root / "run.sh", tmp_path / "run.sh")

    def run(*words, config=None):
        (tmp_path / "c.json").write_text(json.dumps(config or {}))
        environment = os.environ | {"SV_PYTHON": sys.executable}
        return subprocess.run(["./run.sh", *words], cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


def test_options_and_what_follows_from_the_configuration(recipe):
    done = recipe("--nnet-conf", "c.json", "--cmd", "utils/run.sh --mem 1G")
    assert done.stdout == "here 8 c.json c mfcc true sliding data/mfcc data/mfcc/net false utils/run.sh --mem 1G\n"
    config = {"features": {"type": "fbank"}, "loss": {"type": "additive_margin"}}
    done = recipe("--nnet-conf", "c.json", "--corpus", "there", "--nj", "2", config=config)
    assert done.stdout == "there 2 c.json c fbank false utterance data/fbank data/fbank/net true utils/run.sh\n"


@pytest.mark.parametrize(
    ("loss", "margin"), [("sphereface2", True), ("a_softmax", False), ("batch_hard_triplet", False)]
)
def test_a_loss_has_a_margin_to_raise_where_it_has_the_options_of_one(recipe, loss, margin):
    config = {"loss": {"type": loss}, "data": {"segments_per_speaker": 2}}
    assert f" {str(margin).lower()} " in recipe("--nnet-conf", "c.json", config=config).stdout


def test_mistakes_are_told_before_the_first_stage(recipe):
    done = recipe("--nnet-conf", "c.json", "--set", "training.epoch=3")
    assert done.returncode == 1 and "training.epoch is not a known key" in done.stderr
    words = ("--nnet-conf", "c.json", "--large-margin", "loss.marge=1")
    done = recipe(*words, config={"loss": {"type": "additive_angular_margin"}})
    assert done.returncode == 1 and "loss.marge is not an option" in done.stderr
    for words, said in (
        (("--nj", "many"), "--nj expects a number, not 'many'"),
        (("--cmd", "nosuch.pl --mem 1G"), "--cmd: no command 'nosuch.pl'"),
        (("--methods", "cosine pdla"), "--methods: 'pdla' is none of cosine plda"),
        (("--methods", "cosine", "plda", "--dry-run", "true"), "'plda' is no option; quote a value that has blanks"),
    ):
        done = recipe("--nnet-conf", "c.json", *words)
        assert done.returncode == 1 and said in done.stderr
    done = recipe("--nnet_config", "c.json")
    assert done.returncode == 1 and "--nnet_config: no such option" in done.stderr


def test_help_shows_the_options_of_this_recipe_and_of_all(recipe):
    done = recipe("--help")
    lines = done.stderr.splitlines()
    assert done.returncode == 0
    assert lines[0] == "# A recipe of its own." and "corpus=here nj=8" in lines
    assert any(line.startswith("nnet_conf=nnet_conf/xvector.json") for line in lines)
    assert not any("recipe.sh" in line or "begin_recipe" in line for line in lines)
