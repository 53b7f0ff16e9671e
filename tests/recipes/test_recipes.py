"""The scripts and recipes as files: links, syntax, usage."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(
    p for folder in ("steps", "utils", "local", "egs", ".", "tests", ".ci") for p in (ROOT / folder).glob("*.sh")
)
SCRIPTS += [*sorted(ROOT.glob("egs/*/*.sh")), ROOT / ".ci" / "run"]
SOURCED = {"path.sh", "cmd.sh", "parse_options.sh", "jobs.sh", "stages.sh", "recipe.sh", "tuning.sh"}
RECIPES = sorted(p.parent for p in ROOT.glob("egs/*/run.sh"))
WITH_ARGUMENTS = [p for p in SCRIPTS if p.parent.name in ("steps", "utils", "local") and p.name not in SOURCED]


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_links_resolve_to_the_shared_parts(recipe):
    for link in ("steps", "utils", "local", "nnet_conf", "path.sh"):
        assert (recipe / link).is_symlink(), f"{recipe / link} must be a link, not a copy"
        assert (recipe / link).resolve() == ROOT / link


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_syntax(script):
    assert subprocess.run(["bash", "-n", script]).returncode == 0


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_stops_at_the_first_error(script):
    if script.name not in SOURCED:
        assert "set -euo pipefail" in script.read_text()
        assert os.access(script, os.X_OK)


@pytest.mark.parametrize("script", WITH_ARGUMENTS, ids=name)
def test_without_arguments_shows_its_usage(script):
    done = subprocess.run([script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "usage" in done.stderr.lower()
    assert script.parent.name != "steps" or "e.g.: " in done.stderr


COVERS = [p for p in WITH_ARGUMENTS if "\nprogram=(python " in p.read_text()]


@pytest.mark.parametrize("script", COVERS, ids=name)
def test_help_shows_the_options_of_the_program_which_the_script_does_not_repeat(script):
    done = subprocess.run([script, "--help"], cwd=ROOT, capture_output=True, text=True)
    before_parsing = script.read_text().partition(". utils/parse_options.sh")[0]
    module = re.search(r"program=\(python -m (\S+)\)", before_parsing)[1]
    own, _, program = done.stderr.partition(f"usage: {module.rpartition('.')[2]} ")
    assert done.returncode == 0 and "Usage: " in own
    flags = set(re.findall(r"--[a-z][-a-z]+", program)) - {"--help"}
    declared = {f"--{n.replace('_', '-')}" for n in re.findall(r"^([a-z_]+)=", before_parsing, re.MULTILINE)}
    assert flags
    assert flags & declared <= {"--type"}, "steps/make_feats.sh chooses the configuration file by --type"


@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_recipe_is_short_and_shows_its_options(recipe):
    assert len((recipe / "run.sh").read_text().splitlines()) <= 150
    done = subprocess.run([ROOT / "run.sh", recipe.name, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--stage" in done.stderr


def test_an_unknown_recipe_is_named():
    done = subprocess.run([ROOT / "run.sh", "nosuch"], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"no recipe 'nosuch'; there are: {' '.join(recipe.name for recipe in RECIPES)}" in done.stderr


def test_paths_are_those_where_one_stands(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/c.json").write_text("{")
    words = [ROOT / "run.sh", "mini", "--nnet-conf", "a/c.json"]
    environment = {**os.environ, "SV_PYTHON": sys.executable}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode != 0 and f"{tmp_path}/a/c.json: " in done.stderr
