"""The self-test of an exported model: a recording and the embedding that the model must give for it."""

import os

import numpy as np

from nnet.errors import InputError
from nnet.model.weights import read_weights, save_weights
from nnet.ops import mx

FILE = "self_test.safetensors"
SECONDS = 2.0
TOLERANCE = (
    1e-3  # relative to the embedding's length; float32 on another device stays far below it, a wrong weight does not
)


def make_samples(sample_rate):
    """Synthesizes a speech-like recording, int16 (n,): a buzz with varying pitch and loudness, and some noise."""
    rng = np.random.default_rng(0)
    time = np.arange(int(SECONDS * sample_rate)) / sample_rate
    pitch = np.cumsum(120 + 40 * np.sin(3 * time)) / sample_rate  # in periods
    buzz = sum(np.cos(2 * np.pi * n * pitch) / n for n in range(1, 25))
    loudness = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)
    return np.round(2000 * loudness * (buzz + 0.3 * rng.normal(size=len(time)))).astype(np.int16)


def make_recording(sample_rate):
    """The recording of `make_samples` as floats in [-1, 1)."""
    return _floats(make_samples(sample_rate))


def write_self_test(directory, embedder):
    """Writes the recording and its embedding by `embedder` into a model directory."""
    rate = embedder.front_end.sample_rate
    samples = make_samples(rate)
    vector = embedder.embed(_floats(samples), rate)
    save_weights(os.path.join(directory, FILE), {"samples": mx.array(samples), "embedding": mx.array(vector)})


def check_self_test(directory, embedder):
    """Runs the self-test of a model directory if it has one.

    Raises:
        InputError: the embedding differs from the stored one by more than TOLERANCE.
    """
    path = os.path.join(directory, FILE)
    if not os.path.isfile(path):
        return
    kept = {name: np.array(array) for name, array in read_weights(path).items()}
    if kept.keys() != {"samples", "embedding"}:
        raise InputError(f"{path}: not a self-test file; it must hold samples and embedding")
    found, expected = embedder.embed(_floats(kept["samples"]), embedder.front_end.sample_rate), kept["embedding"]
    if found.shape != expected.shape or not np.abs(found - expected).max() <= TOLERANCE * np.linalg.norm(expected):
        raise InputError(
            f"{path}: the model does not give the embedding that it gave when it was exported: "
            "its files are damaged or from different models, or this version of the toolkit computes differently"
        )


def _floats(samples):
    return samples.astype(np.float32) / 32768
