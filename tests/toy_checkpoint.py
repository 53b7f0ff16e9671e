"""A small pretrained model of another toolkit, and speech made up for it."""

import json

import numpy as np
import soundfile

from nnet.audio.reading import read_audio
from nnet.datadir.directory import write_table
from nnet.datadir.job_outputs import feats_conf
from nnet.feats.options import FbankOptions
from nnet.feats.prepare import prepare
from nnet.feats.spectrum import compute_fbank
from nnet.kaldi.ark import ArkWriter
from nnet.model.weights import weights_of
from nnet.networks.resnet import ResNet, ResNetOptions

RATE = 16000
BINS, DIM = 16, 6


def make_checkpoint(path, depth=18, bins=BINS, dim=DIM):
    """Writes weights.npz with a ResNet of a few channels, random, in mlx-community's names."""
    rng = np.random.default_rng(0)
    network = ResNet(bins, ResNetOptions(depth=depth, channels=4))
    weights = {f"resnet.{name}": np.array(weight) for name, weight in weights_of(network).items()}
    weights["resnet.seg_1.weight"] = rng.normal(0, 0.1, (dim, 2 * network.out_dim)).astype(np.float32)
    weights["resnet.seg_1.bias"] = np.zeros(dim, np.float32)
    np.savez(path, **weights)
    return str(path)


def make_speech(folder, speakers=3, utterances=4, seconds=1.5):
    """Writes wav files and a data directory of them without features; returns {utterance: path}."""
    folder.mkdir(parents=True)
    paths = {}
    for s in range(speakers):
        for u in range(utterances):
            rng = np.random.default_rng([s, u])
            tones = np.sin(np.outer(np.arange(int(seconds * RATE)), 0.02 * (s + 1) * np.arange(1, 20)))
            loudness = np.repeat(rng.uniform(0.01, 1, len(tones) // 800 + 1), 800)[: len(tones)]
            samples = 0.02 * loudness * (tones.sum(axis=1) + rng.normal(size=len(tones)))
            paths[f"s{s}-u{u}"] = str(folder / f"s{s}-u{u}.wav")
            soundfile.write(paths[f"s{s}-u{u}"], samples, RATE, subtype="FLOAT")
    write_table(folder / "wav.scp", paths)
    write_table(folder / "utt2spk", {u: u[:2] for u in paths})
    return paths


def make_filter_banks(folder, conf, cmvn="none", **changes):
    """Adds feats.scp, utt2num_frames and feats_conf.json to a directory of `make_speech`.

    Args:
        conf: a file of Kaldi's options.
        cmvn: "utterance" for training.
        changes: other values of some options.
    """
    options = FbankOptions.from_dict(FbankOptions.from_conf(conf).to_dict() | changes)
    frames = {}
    with ArkWriter(str(folder / "feats.ark"), str(folder / "feats.scp")) as writer:
        for path in sorted(folder.glob("*.wav")):
            samples, rate = read_audio(str(path), int(options.sample_frequency), resample=True)
            feats = prepare(compute_fbank(samples, options), cmvn)
            writer.write(path.stem, feats)
            frames[path.stem] = len(feats)
    write_table(folder / "utt2num_frames", frames)
    (folder / "feats_conf.json").write_text(json.dumps(feats_conf("fbank", options) | {"cmvn": cmvn}))
