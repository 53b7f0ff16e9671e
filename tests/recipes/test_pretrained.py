"""egs/librispeech/run.sh --pretrained, as a user calls it, on a small tree in LibriSpeech's layout."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from corpora.librispeech import make_librispeech
from toy_checkpoint import make_checkpoint

from nnet.bin.convert_checkpoint import main as convert
from nnet.datadir.directory import DataDir
from nnet.feats.conf import write_conf
from nnet.feats.options import MelOptions


@pytest.fixture
def recipe(root, tmp_path):
    """A recipe folder of its own with a corpus and a converted model; gives a function that runs a script of it."""
    for name in ("steps", "utils", "local", "nnet_conf", "path.sh", "cmd.sh"):
        (tmp_path / name).symlink_to(root / name)
    for name in ("run.sh", "run_pretrained.sh"):
        shutil.copy(root / "egs/librispeech" / name, tmp_path)
    shutil.copytree(root / "egs/librispeech/conf", tmp_path / "conf")
    speakers = {("train-x", s): (1, 6.5) for s in range(10)} | {("test-x", s): (2, 2.5) for s in range(20, 23)}
    make_librispeech(tmp_path / "corpus", speakers)
    convert([make_checkpoint(tmp_path / "weights.npz"), str(tmp_path / "exp/toy")])
    take_mel_spectra(tmp_path / "exp/toy")

    def run(*command):
        command = [*command, "--pretrained", "exp/toy", "--nj", "1"]
        environment = os.environ | {"SV_PYTHON": sys.executable}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


def take_mel_spectra(model):
    """Changes a model's features from filter banks, which test_telephone.py has, to mel spectra."""
    config = json.loads((model / "config.json").read_text())
    options = MelOptions(num_mel_bins=config["model"]["input_dim"])
    config["features"]["type"] = "mel"
    config["model"]["feats_conf"] |= {"type": "mel", "options": options.to_dict()}
    (model / "config.json").write_text(json.dumps(config))
    (model / "fbank.conf").unlink()
    write_conf(str(model / "mel.conf"), options, "The features of this model.")


def test_a_converted_model_is_tuned_and_compared(recipe, tmp_path):
    small = "data.steps_per_epoch=2 data.batch_size=4 data.num_workers=0 training.epochs=1"
    small += " data.min_frames=50 data.max_frames=50 data.valid_frames=50"
    command = ("./run.sh", "--corpus", "corpus", "--set", small, "--exp", "exp/tuned", "--nproc", "1")
    done = recipe(*command)
    assert done.returncode == 0, done.stderr
    systems = [line.split()[0] for line in done.stdout.splitlines() if line.split()[1:3] == ["3", "12"]]
    tests = ("test", "test_2s", "test_2s_babble_15_10", "test_2s_babble_10_5")
    assert systems == [f"{test}.{model}" for test in tests for model in ("toy", "tuned")]
    train, held_out = (DataDir(tmp_path / "data" / name) for name in ("toy/train", "voices_test"))
    assert held_out.spk2utt and not train.spk2utt.keys() & held_out.spk2utt.keys(), "who babbles is not trained on"
    log = (tmp_path / "exp/tuned/train.log").read_text()
    assert "dropped: none" in log and "exp/tuned_classifier/model.safetensors" in log
    assert "nnet.bin.launch --nproc 1" in log
    again = recipe(*command)
    assert "all stages are up to date" in again.stdout


def test_a_folder_that_is_no_converted_model_is_told(recipe, tmp_path):
    (tmp_path / "exp/toy/mel.conf").unlink()
    done = recipe("./run_pretrained.sh")
    assert done.returncode == 1 and "exp/toy/fbank.conf is missing" in done.stderr


def test_the_tuned_model_needs_a_name_of_its_own(recipe):
    done = recipe("./run_pretrained.sh", "--exp", "elsewhere/toy")
    assert done.returncode == 1 and "--exp elsewhere/toy: its last part must not be that of exp/toy" in done.stderr
