"""The console command mlx-speaker: its verbs are the programs of nnet.bin under one name."""

import subprocess
import sys

import pytest

import nnet
from nnet.bin.speaker import VERBS, main

START = "from nnet.bin.speaker import start; start()"


@pytest.fixture
def speaker(root):
    """Runs mlx-speaker as its console script does."""

    def run(*words):
        return subprocess.run([sys.executable, "-c", START, *words], cwd=root, capture_output=True, text=True)

    return run


def test_help_lists_every_verb_with_a_line(speaker):
    done = speaker("--help")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("usage: mlx-speaker ")
    lines = [line.strip() for line in done.stdout.partition("verbs:")[2].splitlines() if line]
    assert [line.split(None, 1)[0] for line in lines] == list(VERBS)
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_shows_its_own_options_under_its_own_name(verb, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mlx-speaker"])
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert not ended.value.code
    assert capsys.readouterr().out.startswith(f"usage: mlx-speaker {verb} [")


def test_a_verb_does_what_its_program_does(speaker):
    done = speaker("check-config", "--explain", "loss.type")
    program = subprocess.run(
        [sys.executable, "-m", "nnet.bin.check_config", "--explain", "loss.type"], capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout == program.stdout != ""


def test_errors_name_the_verb(speaker):
    done = speaker("compare", "exp/none", "a.wav")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "mlx-speaker compare: error: a.wav: only one file; give a second one to compare it with\n"
    done = speaker("listen")
    assert done.returncode == 2
    assert "mlx-speaker: error: argument VERB: invalid choice: 'listen'" in done.stderr
    assert speaker().returncode == 2


def test_version(speaker):

    assert speaker("--version").stdout == f"mlx-speaker {nnet.__version__}\n"
