"""egs/librispeech/run.sh, as a user calls it, on a small tree in LibriSpeech's layout."""

import os
import shutil
import subprocess
import sys

import pytest
from corpora.librispeech import make_librispeech

from nnet.datadir.directory import DataDir
from nnet.datadir.validate import validate
from nnet.kaldi.trials import read_trials

SMALL = "data.batch_size=4 data.num_workers=0 data.min_frames=50 data.max_frames=50 data.valid_frames=50"
SMALL += " data.steps_per_epoch=2 training.epochs=1"


@pytest.fixture
def recipe(root, tmp_path):
    """A recipe folder of its own with a corpus; gives a function that runs the recipe in it."""
    for name in ("steps", "utils", "local", "nnet_conf", "path.sh", "cmd.sh"):
        (tmp_path / name).symlink_to(root / name)
    shutil.copy(root / "egs/librispeech/run.sh", tmp_path)
    shutil.copytree(root / "egs/librispeech/conf", tmp_path / "conf")
    speakers = {("train-x", s): (1, 7) for s in range(10, 20)} | {("test-x", s): (2, 3) for s in range(20, 23)}
    make_librispeech(tmp_path / "corpus", speakers)

    def run(*words):
        command = ["./run.sh", "--corpus", "corpus", "--nj", "1", "--speeds", "1.1", "--lda-dim", "4", *words]
        environment = os.environ | {"SV_PYTHON": sys.executable}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.splitlines()

    return run


def test_with_and_without_augmentation(recipe, tmp_path):
    small = f"{SMALL} network.depth=18 network.channels=2 embedding.dims=[8]"
    words = ["--set", small, "--augment", "true", "--stop-stage", "4"]
    recipe("--nnet-conf", "conf/resnet34.json", *words)
    assert (tmp_path / "exp/resnet34_augmented/model.safetensors").exists()

    held_out, train = (DataDir(tmp_path / "data" / name) for name in ("voices_test", "fbank/augmented/net/train"))
    assert len(held_out.spk2utt) == 1
    voices = {speaker.removeprefix("sp1.1-") for speaker in train.spk2utt}
    assert len(voices) == 9 and not voices & held_out.spk2utt.keys(), "who babbles in the test is not trained on"
    kinds = {name.rpartition("-")[2] for name in train.utt2spk}
    assert kinds == {"0000", "reverb", "noise", "babble"}

    lines = recipe("--set", f"{SMALL} network.dims=[8,8,8,8,12] embedding.dims=[8,8]", "--methods", "lda")
    systems = [line.split()[0] for line in lines if " 3 " in line and " 12 " in line]
    assert systems == ["mfcc_statistics", "lda", "lda_asnorm"] * 4
    assert (tmp_path / "exp/xvector/report_test_noise/report.html").exists()
    assert not any("-noise" in name for name in DataDir(tmp_path / "data/mfcc/plain/net/train").utt2spk)
    compare_trials(tmp_path / "data")


def compare_trials(data):
    """The noisy sets have the trials of the clean one, in the noises and among the voices that were set apart."""
    whole = read_trials(data / "test/trials")
    for kind, sounds in (("noise", "sounds/noises_test"), ("babble", "voices_test")):
        noisy, trials = (
            validate(data / f"test_{kind}", feats=False, text=False),
            read_trials(data / f"test_{kind}/trials"),
        )
        assert [name.removesuffix(f"-{kind}") for name in trials.enroll_ids] == whole.enroll_ids
        assert (trials.target == whole.target).all()
        mixed = [word.partition("@")[0] for what in noisy.table("utt2augment").values() for word in what.split()]
        assert mixed and set(mixed) <= DataDir(data / sounds).wav_scp.keys()
