"""egs/sre/run.sh, as a user calls it, on small trees in the layouts of all its corpora: stages 0 to 7."""

import json
import os
import shutil
import subprocess

import pytest
from corpora.sounds import make_musan, make_rirs
from corpora.sre_all import make_corpora

from nnet.datadir.directory import DataDir
from nnet.datadir.validate import validate
from nnet.kaldi.ark import matrix_shape

COPIES = 40
SYSTEM = {
    "data": {"batch_size": 16, "min_frames": 50, "max_frames": 70, "valid_frames": 70, "num_workers": 0},
    "network": {"type": "tdnn", "dims": [32, 32, 48], "kernels": [5, 3, 1], "dilations": [1, 2, 1]},
    "embedding": {"dims": [24, 24]},
    "loss": {"type": "additive_angular_margin", "margin": 0.2},
    "optimizer": {"type": "adam"},
    "schedule": {"type": "exponential", "learning_rate": 0.01, "final_learning_rate": 0.002},
    "training": {"epochs": 4},
}
METHODS = ("plda_adapted",)
SYSTEMS = [f"{m}{s}" for m in METHODS for s in ("", "_asnorm", "_calibrated")]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe folder of its own and the corpora: (folder, what was made of them, a function that runs the recipe)."""
    folder = tmp_path_factory.mktemp("sre")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for name in ("steps", "utils", "local", "nnet_conf", "path.sh", "cmd.sh"):
        (folder / name).symlink_to(os.path.join(root, name))
    shutil.copy(os.path.join(root, "egs/sre/run.sh"), folder)
    shutil.copytree(os.path.join(root, "egs/sre/conf"), folder / "conf")
    made = make_corpora(folder / "LDC")
    make_musan(folder / "musan", count=1)
    make_rirs(folder / "RIRS_NOISES")
    (folder / "small.json").write_text(json.dumps(SYSTEM))

    def run(*words):
        given = ["--corpora", "LDC/corpora.txt", "--max-missing", "0.5", "--musan", "musan", "--rirs", "RIRS_NOISES"]
        small = ["--min-len", "40", "--min-num-utts", "2", "--dev-speakers", "2", "--lda-dim", "6", "--nj", "1"]
        small += ["--methods", " ".join(METHODS)]
        command = ["./run.sh", *given, *small, "--num-augmented", str(COPIES), "--stop-stage", "7", *words]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True)

    return folder, made, run


@pytest.fixture(scope="module")
def table(recipe):
    """What all stages print."""
    done = recipe[2]("--nnet-conf", "small.json")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def systems(text):
    """The names of the systems in the tables, in order."""
    return [line.split()[0] for line in text.splitlines() if line.startswith(("cosine", "plda"))]


def test_tables_of_all_trials_and_of_each_language(table):
    lists = [line.rsplit("/", 1)[-1] for line in table.splitlines() if line.startswith("exp/") and line.endswith(":")]
    assert lists == ["sre16:", "sre16_tgl:", "sre16_yue:"]
    assert systems(table) == 3 * SYSTEMS


def test_the_data_are_what_was_made(recipe, table):
    folder, (used, made), _ = recipe
    assert validate(folder / "data/train", feats=False, text=False).utt2spk == used
    data = validate(folder / "data/mfcc/sre16", text=False)
    assert {m: len(data.spk2utt[m]) for m in made["models"]} == made["models"]
    assert matrix_shape(data.feats["teval0x0_sre16"])[1] == 23
    assert len(validate(folder / "data/mfcc/train_augmented", text=False, wav=False).utt2spk) == len(used) + COPIES
    backend = DataDir(folder / "data/mfcc/backend")
    assert not any(speaker.startswith("sw") for speaker in backend.spk2utt)
    assert backend.spk2utt.keys() == {s for s in used.values() if not s.startswith("sw")}
    net = {name: DataDir(folder / "data/mfcc/net" / name) for name in ("train", "valid")}
    sessions = {
        name: {data.table("utt2uniq")[u].rpartition("-")[0] for u in data.utt2spk} for name, data in net.items()
    }
    assert not sessions["train"] & sessions["valid"]


def test_plda_is_adapted_to_the_unlabelled_speech(recipe, table):
    folder, _, _ = recipe
    adapted = json.loads((folder / "exp/small/backend_sre16/backend.json").read_text())
    assert adapted["adaptation"]["within_covar_scale"] == 0.75
    cohort = json.loads((folder / "exp/small/scores_sre16/sre16/plda_adapted_asnorm.cohort.json").read_text())
    assert cohort["embeddings"].endswith("embeddings_sre16_unlabeled/spk_xvector.scp") and cohort["members"] == 8


def test_nothing_is_done_twice(recipe, table):
    again = recipe[2]("--nnet-conf", "small.json")
    assert again.returncode == 0, again.stderr
    assert "all stages are up to date" in again.stdout
    assert systems(again.stdout) == systems(table)


def test_the_plan_comes_before_anything_else(recipe):
    folder, _, run = recipe
    done = run("--dry-run", "true", "--nnet-conf", "small.json", "--stop-stage", "8")
    assert done.returncode == 0, done.stderr
    for stage in ("1 features and VAD", "2 augmentation", "4 train the network", "stage 8 (back end and scores)"):
        assert stage in done.stdout
    assert "disk: " in done.stdout


def test_what_is_missing_is_said_at_once(recipe):
    _, _, run = recipe
    done = run("--nnet-conf", "small.json", "--tests", "sre18")
    assert done.returncode == 1
    assert "no folder of NIST SRE 2018" in done.stderr
    assert "Traceback" not in done.stderr
