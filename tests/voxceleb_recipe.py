"""egs/voxceleb in a folder of its own, with small trees in the corpora's layouts and two small systems."""

import json
import os
import shutil
from pathlib import Path

from tests.corpora.sounds import make_musan, make_rirs
from tests.corpora.voxceleb import fake_ffmpeg, make_lists, make_vox1, make_vox2

ROOT = Path(__file__).resolve().parents[1]
COPIES = 40
CORPORA = ("--vox1", "vox1", "--vox2", "vox2", "--musan", "musan", "--rirs", "RIRS_NOISES")
XVECTOR = {
    "data": {"batch_size": 16, "min_frames": 60, "max_frames": 80, "valid_frames": 80, "num_workers": 0},
    "network": {"type": "tdnn", "dims": [24, 24, 32], "kernels": [5, 3, 1], "dilations": [1, 2, 1]},
    "embedding": {"dims": [16, 16]},
    "optimizer": {"type": "adam"},
    "schedule": {"type": "exponential", "learning_rate": 0.01, "final_learning_rate": 0.002},
    "training": {"epochs": 2},
}
RESNET = XVECTOR | {
    "features": {"type": "fbank"},
    "network": {"type": "resnet", "depth": 18, "channels": 2},
    "loss": {"type": "additive_angular_margin", "margin": 0.2},
}
LARGE_MARGIN = "data.min_frames=100 data.max_frames=100 loss.margin=0.4 training.epochs=1 training.drop=[]"


def make_recipe(folder):
    """Makes the recipe, its corpora, xvector.json (copies on disk) and resnet.json (augmented on the fly)."""
    for name in ("steps", "utils", "local", "nnet_conf", "path.sh", "cmd.sh"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "egs/voxceleb/run.sh", folder)
    shutil.copytree(ROOT / "egs/voxceleb/conf", folder / "conf")
    make_lists(folder / "lists", make_vox1(folder / "vox1", seconds=1.5))
    make_vox2(folder / "vox2", seconds=1.5, ending="m4a")
    make_musan(folder / "musan", count=1)
    make_rirs(folder / "RIRS_NOISES")
    for name, config in (("xvector", XVECTOR), ("resnet", RESNET)):
        (folder / f"{name}.json").write_text(json.dumps(config))
    fake_ffmpeg(folder / "bin")


def call_options(system, corpora=CORPORA):
    """The options of a call that is small enough."""
    small = ["--min-len", "50", "--min-num-utts", "2", "--dev-speakers", "2", "--lda-dim", "4", "--nj", "1"]
    lists = ["--trials-dir", "lists", "--lists", "O E-clean", "--num-augmented", str(COPIES)]
    return [*corpora, *small, *lists, "--large-margin", LARGE_MARGIN, "--nnet-conf", f"{system}.json"]


def environment(folder):
    """The environment of a call, with the recipe's ffmpeg."""
    return os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
