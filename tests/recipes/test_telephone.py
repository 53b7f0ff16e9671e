"""egs/telephone/run.sh, as a user calls it, on a small tree in the layout of its corpus."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from corpora.librispeech import make_librispeech
from corpora.wuw import call, made_up, make_wuw
from toy_checkpoint import make_checkpoint

from nnet.bin.convert_checkpoint import main as convert
from nnet.datadir.directory import DataDir

NETWORK = {
    "features": {"type": "mfcc", "dim": 23},
    "data": {"batch_size": 8, "min_frames": 40, "max_frames": 40, "valid_frames": 40, "steps_per_epoch": 2},
    "network": {"type": "tdnn", "dims": [16, 16, 24], "kernels": [5, 3, 1], "dilations": [1, 2, 1]},
    "embedding": {"dims": [12, 12]},
    "loss": {"type": "softmax"},
    "optimizer": {"type": "adam"},
    "training": {"epochs": 1},
}  # fmt: skip
METHODS = ("cosine", "plda_coral")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe folder of its own with corpora; gives the folder and a function that runs the recipe in it."""
    folder = tmp_path_factory.mktemp("telephone")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for name in ("steps", "utils", "local", "nnet_conf", "path.sh", "cmd.sh"):
        (folder / name).symlink_to(os.path.join(root, name))
    for name in ("run.sh", "run_pretrained.sh"):
        shutil.copy(os.path.join(root, "egs/telephone", name), folder)
    shutil.copytree(os.path.join(root, "egs/telephone/conf"), folder / "conf")
    (folder / "small.json").write_text(json.dumps(NETWORK))
    twice = [
        call(made_up(s), s, phone="cellphone" if again and s % 2 else "landlinephone", seconds=1.0, numbers=(0, 6, 7))
        for again in (False, True)
        for s in range(9)
    ]
    make_wuw(folder / "wuw", twice + [call(made_up(s), s, seconds=1.2) for s in range(9, 13)])
    speakers = {("train-x", s): (1, 9) for s in range(20, 25)} | {("test-x", s): (1, 1) for s in (30, 31)}
    make_librispeech(folder / "speech", speakers)

    def run(*words):
        given = ["--corpus", "wuw", "--librispeech", "speech", "--speeds", "1.1", "--tests", "sentences", "--nj", "1"]
        small = ["--min-len", "40", "--lda-dim", "4", "--methods", " ".join(METHODS), "--nnet-conf", "small.json"]
        command = ["./run.sh", *given, "--top-n", "3", *([] if "--pretrained" in words else small), *words]
        environment = os.environ | {"SV_PYTHON": sys.executable}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)

    return folder, run


@pytest.fixture(scope="module")
def table(recipe):
    """What all stages print, after a call that a damaged file has stopped."""
    folder, run = recipe
    path = folder / "wuw/calls/00002/WUWII00002_006.ulaw"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    done = run()
    assert done.returncode == 1 and "WUWII00002_006.ulaw: damaged" in done.stderr and "Traceback" not in done.stderr
    path.write_bytes(whole)
    done = run()
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def test_tables_of_all_trials_and_of_each_condition(recipe, table):
    folder, run = recipe
    lists = [line.rsplit("/", 1)[-1] for line in table.splitlines() if line.startswith("exp/") and line.endswith(":")]
    assert lists == ["sentences:", "sentences_other_phone:", "sentences_same_phone:"]
    systems = [f"{method}{suffix}" for method in METHODS for suffix in ("", "_asnorm", "_calibrated")]
    lines = [line.split() for line in table.splitlines()]
    assert [words[0] for words in lines if words and words[0] in systems and words[1] != "-"] == 3 * systems
    compared = [" ".join(words[:3]) for words in lines if len(words) > 2 and words[1] == "-"]
    assert compared[1:4] == ["cosine_asnorm - cosine", "plda_coral - cosine", "plda_coral_asnorm - plda_coral"]
    report = (folder / "exp/small/report/sentences/report.html").read_text()
    assert "By utt2phone" in report and "Paired differences" in report
    again = run()
    assert again.returncode == 0 and "all stages are up to date" in again.stdout


def test_nobody_is_on_both_sides(recipe, table):
    data = recipe[0] / "data"
    sets = {
        name: DataDir(data / name).spk2utt.keys()
        for name in ("mfcc/train", "mfcc/backend", "mfcc/sentences", "mfcc/sentences_dev", "mfcc/sentences_unlabeled")
    }
    train, backend, test, dev, unlabeled = sets.values()
    assert test and dev and not test & dev and not (test | dev) & train
    assert unlabeled < train and {"wuw" in name for name in backend} == {False}
    copies = DataDir(data / "mfcc/train").utt2spk
    kinds = {name.rpartition("-")[2] for name in copies if name.rpartition("-")[2].isalpha()}
    assert {"reverb", "noise", "babble"} <= kinds and any(name.startswith("sp1.1-") for name in copies)
    assert {"ulaw", "gsm"} == set(DataDir(data / "coded").table("utt2codec").values())


def test_a_16_khz_model_is_compared_before_and_after_tuning(recipe, table):
    folder, run = recipe
    convert([make_checkpoint(folder / "weights.npz"), str(folder / "exp/toy")])
    small = "data.steps_per_epoch=2 data.batch_size=4 data.num_workers=0 training.epochs=1"
    small += " data.min_frames=50 data.max_frames=50 data.valid_frames=50"
    refused = run("--pretrained", "exp/toy", "--lda-dim", "4")
    assert refused.returncode == 1 and "--lda-dim has no effect with --pretrained" in refused.stderr
    (folder / "data/sentences/trials_sentences_same_phone").unlink()  # each list takes as long as the others
    done = run("--pretrained", "exp/toy", "--set", small)
    assert done.returncode == 0, done.stderr[-4000:]
    words = [line.split() for line in done.stdout.splitlines()]
    both = [f"{model}/scores_sentences/sentences/cosine" for model in ("toy", "toy_tuned")]
    assert [w[0] for w in words if w and w[0] in both and w[1] != "-"] == both
    assert f"{both[1]} - {both[0]}" in done.stdout
    assert (folder / "exp/toy_tuned/report/sentences/report.html").exists()
    assert DataDir(folder / "data/toy/train").spk2utt.keys() < DataDir(folder / "data/mfcc/train").spk2utt.keys()
