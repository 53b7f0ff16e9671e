"""A recording that travels with a model, and the embedding it must give: does the model work here as it did there?"""

import os

import numpy as np

from nnet.errors import InputError
from nnet.model.weights import read_weights, save_weights
from nnet.ops import mx

FILE = "self_test.safetensors"
SECONDS = 2.0
TOLERANCE = 1e-3  # of the embedding's length; another device's float32 stays far below it, a wrong weight does not


def make_samples(sample_rate):
    """A recording with the ups and downs of speech, int16 (n,): a buzz of a gliding pitch, and some noise."""
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
    """Writes the recording and the embedding that `embedder` gives for it."""
    rate = embedder.front_end.sample_rate
    samples = make_samples(rate)
    vector = embedder.embed(_floats(samples), rate)
    save_weights(os.path.join(directory, FILE), {"samples": mx.array(samples), "embedding": mx.array(vector)})


def check_self_test(directory, embedder):
    """Embeds the recording of a model directory, where there is one, and compares.

    Raises:
        InputError: the embedding is not the one that was written.
    """
    path = os.path.join(directory, FILE)
    if not os.path.isfile(path):
        return
    kept = {name: np.array(array) for name, array in read_weights(path).items()}
    if kept.keys() != {"samples", "embedding"}:
        raise InputError(f"{path}: is no self-test; it must hold samples and embedding")
    found, expected = embedder.embed(_floats(kept["samples"]), embedder.front_end.sample_rate), kept["embedding"]
    if found.shape != expected.shape or not np.abs(found - expected).max() <= TOLERANCE * np.linalg.norm(expected):
        raise InputError(
            f"{path}: the model does not give the embedding that it gave when it was exported; "
            "its files are damaged or of different models, or this version computes something else"
        )


def _floats(samples):
    return samples.astype(np.float32) / 32768
