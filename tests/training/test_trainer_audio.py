"""Training from audio: features on the fly, sounds mixed in, masks laid over."""

import json

import numpy as np
import pytest
import soundfile
from toy_audio import OPTIONS, RATE, SPEAKERS, tone
from toy_data import SEED, make_config

from nnet.bin.train_nnet import main
from nnet.datadir.directory import write_table
from nnet.errors import InputError
from nnet.feats.spectrum import compute_fbank
from nnet.kaldi.ark import ArkWriter
from nnet.ops import mx


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audio")
    conf = {"type": "fbank", "options": OPTIONS.to_dict(), "cmvn": "none", "silence_removed": False}
    for name, utterances in (("train", 4), ("valid", 2), ("noise", 1)):
        data = folder / name
        data.mkdir()
        audio = {
            f"s{s}-{name}{u}": tone(s, SEED + 100 * s + u + len(name))
            for s in range(SPEAKERS)
            for u in range(utterances)
        }
        for utterance, samples in audio.items():
            soundfile.write(data / f"{utterance}.wav", samples, RATE)
        write_table(data / "wav.scp", {u: str(data / f"{u}.wav") for u in audio})
        write_table(data / "utt2spk", {u: u.split("-")[0] for u in audio})
        if name == "valid":
            with ArkWriter(str(data / "feats.ark"), str(data / "feats.scp")) as writer:
                for utterance, samples in sorted(audio.items()):
                    writer.write(utterance, compute_fbank(samples, OPTIONS))
            (data / "feats_conf.json").write_text(json.dumps(conf))
    return folder


def config(path, data, **sections):
    sections["schedule"] = {"type": "exponential", "learning_rate": 0.01, "final_learning_rate": 0.001}
    on_the_fly = {"source": "audio", "steps_per_epoch": 8, "batch_size": 8}
    return make_config(path, data=on_the_fly, training={"epochs": 6}, optimizer={"type": "adam"}, **sections)


def train(data, config, directory, *options):
    main([*options, str(config), str(data / "train"), str(data / "valid"), str(directory)])
    return mx.load(str(directory / "model.safetensors"))


def test_it_learns_from_augmented_audio_whatever_the_workers(data, tmp_path):
    sounds = {"noises": str(data / "noise"), "noise_snrs": [15.0]}
    path = config(tmp_path / "c.json", data, augmentation=sounds, spec_augment={"max_time": 3, "max_frequency": 2})
    first = train(data, path, tmp_path / "a")
    second = train(data, path, tmp_path / "b", "--set", "data.num_workers=2")
    for name in first:
        assert np.array_equal(np.array(first[name]), np.array(second[name])), name
    log = [json.loads(line) for line in (tmp_path / "a" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["train_loss"] < np.log(SPEAKERS) / 2, "half of what chance gives"
    assert min(line["dev_eer"] for line in log) < 25, "half of what chance gives"


def test_augmentation_changes_the_training(data, tmp_path):
    plain = train(data, config(tmp_path / "c.json", data), tmp_path / "a", "--set", "training.epochs=1")
    masked = config(tmp_path / "m.json", data, spec_augment={"probability": 1.0})
    other = train(data, masked, tmp_path / "b", "--set", "training.epochs=1")
    assert any(not np.array_equal(np.array(plain[n]), np.array(other[n])) for n in plain)


def test_other_speeds_are_other_speakers(data, tmp_path):
    path = config(tmp_path / "c.json", data)
    train(data, path, tmp_path / "exp", "--set", "data.speeds=[0.9,1.1]", "--set", "training.epochs=1")
    speakers = [line.split()[0] for line in (tmp_path / "exp" / "spk2int").read_text().splitlines()]
    assert len(speakers) == 12
    assert "sp0.9-s0" in speakers


def test_augmentation_needs_audio(data, tmp_path):
    path = make_config(tmp_path / "c.json", augmentation={"noises": "n", "probability": 0.5, "rirs": None})
    with pytest.raises(InputError, match="augmentation needs audio: set data.source to audio"):
        train(data, path, tmp_path / "exp")
