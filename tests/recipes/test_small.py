"""egs/small/run.sh on a small tree in LibriSpeech's layout, with a small teacher."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from corpora.librispeech import make_librispeech
from toy_data import make_config

from nnet.config import load_config
from nnet.datadir.directory import DataDir
from nnet.feats.conf import write_conf
from nnet.feats.options import FbankOptions
from nnet.model.directory import load_speaker_net, save_config
from nnet.model.speaker_net import build_model
from nnet.model.weights import save_weights, weights_of

SMALL = "data.batch_size=4 data.num_workers=0 data.min_frames=50 data.max_frames=60 data.valid_frames=50"
SMALL += " data.steps_per_epoch=3 training.epochs=1 network.growth=4 network.init_channels=8 network.blocks=[1,2,1]"
SMALL += " network.head_channels=4"
LARGE = {"type": "campplus", "growth": 4, "init_channels": 8, "blocks": [2, 2, 2], "head_channels": 4}


@pytest.fixture
def teacher(root, tmp_path):
    folder = tmp_path / "teacher"
    folder.mkdir()
    student = json.loads((root / "egs/small/conf/campplus.json").read_text())
    parts = {"network": LARGE} | {name: student[name] for name in ("pooling", "embedding")}
    config = load_config(make_config(tmp_path / "c.json", **parts))
    save_weights(str(folder / "model.safetensors"), weights_of(build_model(config, 16)))
    options = FbankOptions(num_mel_bins=16, dither=0.0)
    conf = {"type": "fbank", "options": options.to_dict(), "cmvn": "utterance", "silence_removed": False}
    save_config(str(folder), config, 16, None, conf)
    write_conf(str(folder / "fbank.conf"), options, "The features of this model.")
    return folder


def test_a_student_is_taught_and_compared(root, teacher, tmp_path, monkeypatch):
    for name in ("steps", "utils", "local", "nnet_conf", "path.sh", "cmd.sh"):
        (tmp_path / name).symlink_to(root / name)
    shutil.copy(root / "egs/small/run.sh", tmp_path)
    shutil.copytree(root / "egs/small/conf", tmp_path / "conf")
    speakers = {("train-x", s): (1, 7) for s in range(10, 20)} | {("test-x", s): (2, 3) for s in range(20, 23)}
    make_librispeech(tmp_path / "corpus", speakers)
    words = tmp_path / "words" / "speech_data"
    rng = np.random.default_rng(0)
    for speaker in ("07", "08"):
        (words / speaker).mkdir(parents=True)
        for word in range(8):
            sound = np.pad(rng.normal(0, 0.1, 16000), 8000)  # one second between half seconds of silence
            soundfile.write(words / speaker / f"{speaker}-{word:02d}-00.wav", sound, 16000)
    commands = tmp_path / "commands"
    commands.mkdir()
    lengths = {"a": 5.0, "b": 2.5, "c": 0.5}  # the second one is repeated, the last one is too short
    for name, seconds in lengths.items():
        soundfile.write(commands / f"{name}.wav", rng.normal(0, 0.1, int(16000 * seconds)), 16000)
    (commands / "wav.scp").write_text("".join(f"{name} commands/{name}.wav\n" for name in lengths))
    (commands / "utt2spk").write_text("".join(f"{name} {name}\n" for name in lengths))
    options = ["--teacher", "teacher", "--corpus", "corpus", "--words", "words", "--extra", "commands"]
    options += ["--windows", "2", "--word-windows", "1", "--extra-windows", "3"]
    command = ["./run.sh", *options, "--valid-speakers", "2", "--nj", "1", "--set", SMALL]
    environment = os.environ | {"SV_PYTHON": sys.executable}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    systems = [line.split()[0] for line in done.stdout.splitlines() if line.startswith(("student ", "teacher "))]
    assert systems == ["student", "teacher"] * 4

    monkeypatch.chdir(tmp_path)  # the paths in tables are relative to the recipe
    data = tmp_path / "data"
    clean, heard = (DataDir(data / "voices" / kind) for kind in ("clean", "heard"))
    assert clean.utt2spk == heard.utt2spk and set(clean.utt2dur.values()) == {4.0}
    assert len([u for u in clean.utt2spk if u.startswith("dsp")]) == 2
    assert sorted(set(clean.utt2spk.values()) & set("abc")) == ["a", "b"]
    train, before, valid = (DataDir(data / "distillation" / "net" / name) for name in ("train", "clean", "valid"))
    assert train.utt2spk.keys() | valid.utt2spk.keys() == clean.utt2spk.keys()
    assert not set(train.utt2spk.values()) & set(valid.utt2spk.values()), "validation by other speakers"
    assert before.utt2spk == train.utt2spk and before.wav_scp == {u: clean.wav_scp[u] for u in train.utt2spk}
    assert load_speaker_net(tmp_path / "exp/campplus")[0].endpoint_dim("output") == 192
    (line,) = map(json.loads, (tmp_path / "exp/campplus/log.jsonl").read_text().splitlines())
    assert 0 < line["train_loss"] < 4 and 0 < line["valid_loss"] < 4
