"""Embeddings of simulated speakers: they are of one of two kinds, and the fewer seconds they speak, the noisier."""

import dataclasses

import numpy as np

from nnet.model.calibrating import calibrate
from nnet.model.pieces import LENGTHS, Pieces

DIM = 64
RATE = 16000


@dataclasses.dataclass
class Model:
    """What a gallery needs of an Embedder; its recordings hold an embedding before noise, see `recording`."""

    calibration: object
    name: str = "exp/simulated"
    checksum: str = "0123456789abcdef"
    dim: int = DIM

    def embed(self, samples, rate, where):
        """The embedding with which a recording begins."""
        return samples[:DIM]


def recording(vector, seconds):
    """A recording, (samples, rate): an embedding, then so many seconds of noise in between silence."""
    noise = 0.1 * np.random.default_rng(0).normal(size=int(seconds * RATE))
    return np.concatenate([0.01 * vector, noise, np.zeros(int(seconds * RATE))]).astype(np.float32), RATE


class Speakers:
    """Speakers with an embedding that is theirs, and pieces of their speech."""

    def __init__(self, count, seed):
        self.rng = np.random.default_rng(seed)
        kinds = 0.5 * np.random.default_rng(0).normal(size=(2, DIM))
        self.own = kinds[np.arange(count) % 2] + self.rng.normal(size=(count, DIM))

    def speak(self, speaker, seconds):
        """An embedding (D,) of so many seconds."""
        noise = np.sqrt(0.3 + 1.5 / seconds)
        return (self.own[speaker] + noise * self.rng.normal(size=DIM)).astype(np.float32)

    def pieces(self, each):
        """Pieces, each from a recording of its own."""
        speaker = np.repeat(np.arange(len(self.own)), each)
        seconds = self.rng.choice(LENGTHS, len(speaker))
        vectors = np.stack([self.speak(*piece) for piece in zip(speaker, seconds, strict=True)])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Pieces(vectors, seconds, speaker, np.arange(len(speaker)), np.zeros(len(speaker)), seconds)


def calibrated(speakers=100, each=8, seed=1):
    """A Model with a calibration by duration."""
    return Model(calibrate(Speakers(speakers, seed).pieces(each), 0.01)[0])
