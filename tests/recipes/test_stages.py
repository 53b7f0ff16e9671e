"""steps/stages.sh: which stages of a recipe run, and which count as done."""

import subprocess

import pytest

RECIPE = """
set -euo pipefail
stage=%(stage)s
stop_stage=%(stop_stage)s
. %(root)s/steps/stages.sh
lock() { mkdir -p "$1"; }  # that of another process is tested in tests/test_locks.py
if begin_stage 0 data data "%(corpus)s"; then echo ran 0; end_stage; fi
if begin_stage 1 features data conf; then
  echo ran 1
  %(killed)s
  end_stage
fi
if begin_stage 4 train exp "%(network)s"; then
  resume=$(resumes exp/checkpoints)
  echo "ran 4 resume=$resume"
  mkdir -p exp/checkpoints
  %(killed_training)s
  end_stage
fi
show_results results
"""


@pytest.fixture
def recipe(tmp_path, root):
    """Runs the recipe above; gives what it printed and its exit code."""
    (tmp_path / "conf").write_text("--num-mel-bins=30\n")
    (tmp_path / "results").write_text("EER 1 %\n")
    defaults = {"stage": "", "stop_stage": 100, "corpus": "a", "network": "small", "killed": "", "killed_training": ""}

    def run(**options):
        script = RECIPE % (defaults | {"root": root} | options)
        done = subprocess.run(["bash", "-c", script, "run.sh"], cwd=tmp_path, capture_output=True, text=True)
        return [line for line in done.stdout.splitlines() if line.startswith("ran")], done

    run.folder = tmp_path
    return run


def test_a_finished_recipe_runs_no_stage_again_and_says_so(recipe):
    ran, done = recipe()
    assert ran == ["ran 0", "ran 1", "ran 4 resume=false"]
    assert "already" not in done.stdout
    ran, done = recipe()
    assert ran == []
    assert done.returncode == 0
    assert "all stages are up to date" in done.stdout
    assert done.stdout.endswith("EER 1 %\n")


def test_stage_n_runs_n_and_the_later_ones(recipe):
    recipe()
    assert recipe(stage=1)[0] == ["ran 1", "ran 4 resume=false"]
    assert recipe(stage=1, stop_stage=1)[0] == ["ran 1"]
    assert recipe()[0] == ["ran 4 resume=false"], "what follows a stage that was done again is done again"


def test_stage_n_needs_the_earlier_ones(recipe):
    ran, done = recipe(stage=4)
    assert ran == []
    assert done.returncode == 1
    assert "stage 0 (data) is not complete" in done.stderr


def test_a_stage_is_a_number(recipe):
    ran, done = recipe(stage="four")
    assert ran == []
    assert done.returncode == 1
    assert "--stage and --stop-stage take numbers" in done.stderr


def test_changed_options_and_files_redo_the_stage_and_what_follows(recipe):
    recipe()
    assert recipe(network="large")[0] == ["ran 4 resume=false"]
    (recipe.folder / "conf").write_text("--num-mel-bins=80\n")
    assert recipe(network="large")[0] == ["ran 1", "ran 4 resume=false"]
    assert recipe(network="large", corpus="b")[0] == ["ran 0", "ran 1", "ran 4 resume=false"]


def test_a_killed_stage_is_not_done(recipe):
    ran, done = recipe(killed="kill -9 $$")
    assert done.returncode == -9
    assert recipe()[0] == ["ran 1", "ran 4 resume=false"]


def test_a_failed_command_leaves_the_stage_undone(recipe):
    assert recipe(killed="false")[1].returncode == 1
    assert recipe()[0] == ["ran 1", "ran 4 resume=false"]


def test_a_killed_training_goes_on(recipe):
    recipe(killed_training="kill -9 $$")
    assert recipe(killed_training="kill -9 $$")[0] == ["ran 4 resume=true"]
    assert recipe()[0] == ["ran 4 resume=true"]
    assert recipe(stage=4)[0] == ["ran 4 resume=false"], "a training that ended is done anew when asked for"


def test_a_killed_training_with_other_options_starts_anew(recipe):
    recipe(killed_training="touch exp/checkpoints/old; kill -9 $$")
    assert recipe(network="large", killed_training="kill -9 $$")[0] == ["ran 4 resume=false"]
    assert not (recipe.folder / "exp/checkpoints/old").exists()
    assert recipe(network="large")[0] == ["ran 4 resume=true"]
