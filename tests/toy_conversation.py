"""A conversation of two "voices", bands of noise, and a tiny model that tells them apart."""

import numpy as np
from toy_data import make_config

from nnet.config import load_config
from nnet.feats.options import FbankOptions
from nnet.model.directory import save_config
from nnet.model.segmentation import save_segmentation
from nnet.model.speaker_net import build_model
from nnet.model.weights import save_weights, weights_of
from nnet.networks.segmentation import SegmentationNet, SegmentationOptions
from nnet.ops import mx

RATE = 16000


def write_model(directory, cmvn, **options):
    """A tiny x-vector with random weights; its front end has the given CMVN and options."""
    directory.mkdir()
    config = load_config(str(make_config(directory / "c.json")))
    mx.random.seed(0)
    save_weights(str(directory / "model.safetensors"), weights_of(build_model(config, 23)))
    features = FbankOptions(sample_frequency=float(RATE), **options).to_dict()
    save_config(
        str(directory), config, 23, 5, {"type": "fbank", "options": features, "cmvn": cmvn, "silence_removed": False}
    )
    return str(directory)


def write_segmentation(directory, said=None):
    """A segmentation model with windows of 2 s and random weights; `said`: the set of speakers that it always finds."""
    sizes = {"filters": 4, "kernel": 31, "channels": (5, 4), "lstm_width": 4, "lstm_layers": 1, "linear_dims": (5,)}
    mx.random.seed(0)
    net = SegmentationNet(SegmentationOptions(seconds=2.0, **sizes))
    if said is not None:
        net.classifier.bias = 18.0 * (mx.arange(7) == said)
    save_segmentation(str(directory), net, "random")
    return str(directory)


def voice(band, seconds, seed):
    """A "speaker" is noise of a band of frequencies (Hz) in four syllables a second."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(size=int(seconds * RATE)))
    frequencies = np.fft.rfftfreq(int(seconds * RATE), 1 / RATE)
    spectrum[(frequencies < band[0]) | (frequencies > band[1])] *= 0.02
    sound = np.fft.irfft(spectrum) * (1.2 + np.sin(8 * np.pi * np.arange(int(seconds * RATE)) / RATE))
    return (0.1 * sound / sound.std()).astype(np.float32)


LOW, HIGH = (100, 900), (2500, 7000)


def conversation(turns, seed=0):
    """A recording of turns (band, seconds), band None for silence, with a little noise."""
    parts = [
        np.zeros(int(seconds * RATE), np.float32) if band is None else voice(band, seconds, seed + i)
        for i, (band, seconds) in enumerate(turns)
    ]
    samples = np.concatenate(parts)
    return samples + 1e-4 * np.random.default_rng(seed).normal(size=len(samples)).astype(np.float32)


CUT = ["--threshold", "0.95"]  # two "voices" have a cosine of 0.9 in a network with random weights

TALK = [(None, 1), (LOW, 6), (None, 1), (HIGH, 5), (LOW, 5), (None, 1), (HIGH, 4), (None, 1)]
TRUTH = [(1, 7, "1"), (8, 13, "2"), (13, 18, "1"), (19, 23, "2")]
