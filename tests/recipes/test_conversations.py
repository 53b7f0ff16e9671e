"""egs/conversations/run.sh, as a user calls it: simulated conversations, and given recordings, with a small model."""

import os
import shutil
import subprocess
import sys

import pytest
from corpora.librispeech import make_librispeech
from toy_checkpoint import make_checkpoint
from toy_conversation import write_segmentation

from nnet.bin.convert_checkpoint import main as convert
from nnet.diarization.rttm import read_rttm


@pytest.fixture
def recipe(root, tmp_path):
    """A recipe folder of its own with a corpus and a model; gives a function that runs the recipe in it."""
    for name in ("steps", "utils", "local", "path.sh", "cmd.sh"):
        (tmp_path / name).symlink_to(root / name)
    shutil.copy(root / "egs/conversations/run.sh", tmp_path)
    make_librispeech(tmp_path / "corpus", {("test-x", speaker): (2, 4) for speaker in range(3)})
    convert([make_checkpoint(tmp_path / "weights.npz"), str(tmp_path / "exp/toy")])
    write_segmentation(tmp_path / "exp/segmentation")

    def run(*words):
        command = ["./run.sh", "--pretrained", "exp/toy", "--nj", "1", *words]
        environment = os.environ | {"SV_PYTHON": sys.executable}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


def test_systems_are_compared(recipe, tmp_path):
    simulated = ["--corpus", "corpus", "--conversations", "2", "--speech", "oracle", "--number", "unknown known"]
    done = recipe(*simulated)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = (tmp_path / "exp/toy/simulated/results.txt").read_text().splitlines()
    assert done.stdout.splitlines()[-len(lines) :] == lines
    assert [line.split()[0] for line in lines] == ["speech:", "recording", "all"] * 4  # two systems, scored twice
    reference = read_rttm(tmp_path / "data/simulated/rttm")
    found = read_rttm(tmp_path / "exp/toy/simulated/oracle_none_ahc_known/rttm")
    for name, turns in found.items():
        assert len({turn.speaker for turn in turns}) <= len({turn.speaker for turn in reference[name]})
    all_scored = [line.split() for line in lines if line.startswith("all ")][0]
    assert float(all_scored[3]) < 0.01, "the oracle's speech makes no false alarms"
    page = (tmp_path / "exp/toy/simulated/oracle_none_ahc_unknown/report_collar_0.25/report.html").read_text()
    assert "Collar 0.25 s on each side, overlaps not scored" in page
    done = recipe(*simulated)
    assert done.returncode == 0 and "all stages are up to date" in done.stdout

    shutil.copytree(tmp_path / "data/simulated", tmp_path / "meetings", ignore=shutil.ignore_patterns("oracle", ".*"))
    words = ["--speech", "model", "--overlap", "none local", "--segmentation", "exp/segmentation"]
    done = recipe("--data", "meetings", *words)
    assert done.returncode == 0, done.stderr[-3000:]
    assert read_rttm(tmp_path / "data/meetings/rttm") == reference
    assert len((tmp_path / "exp/toy/meetings/results.txt").read_text().splitlines()) == 4 * 3
    assert (tmp_path / "exp/toy/meetings/model_local_ahc_unknown/rttm").exists()


@pytest.mark.parametrize(
    "words, message",
    [
        (["--speech", "oracles"], "--speech: 'oracles' is not one of: oracle"),
        (["--speech", ""], "--speech is empty; give one of: oracle energy model"),
        (
            ["--overlap", "local", "--segmentation", "exp/segmentation"],
            "--overlap local finds speech by its model: add model to --speech",
        ),
        (["--speech", "model"], "--segmentation MODELDIR is required"),
        (["--cluster", "ahc vbx", "--backend", "exp"], "--cluster vbx needs --backend DIR with a PLDA"),
        (["--corpus", "a", "--data", "b"], "give either --corpus or --data"),
        (["--pretrained", "exp/none"], "exp/none: no such directory"),
    ],
)
def test_what_is_wrong_with_a_call_is_said_before_anything_runs(recipe, tmp_path, words, message):
    done = recipe(*words)
    assert done.returncode == 1 and message in done.stderr.splitlines()[-1]
    assert not (tmp_path / "data").exists()
