"""The library interface of a trained model: audio in, embedding out."""

import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from nnet.audio.reading import open_audio
from nnet.backend.calibration import Calibration, read_calibration
from nnet.errors import InputError
from nnet.feats.front_end import FrontEnd
from nnet.files import AnyPath
from nnet.model.directory import load_speaker_net
from nnet.model.engine import engine_of
from nnet.model.extraction import embed_utterances
from nnet.model.hub import find_model
from nnet.model.self_check import check_self_test
from nnet.rows import Rows

# File of a model directory: a calibration of cosine scores of its embeddings, without a back end.
CALIBRATION = "cosine_calibration.json"


class Embedder:
    """A trained model with its front end: audio in, embeddings out.

    >>> model = nnet.load_model("exp/xvector")
    >>> samples, rate = nnet.read_audio("a.wav")
    >>> vector = model.embed(samples, rate)
    >>> a, b = model.embed_files(["a.wav", "b.wav"])

    Attributes:
        net: the SpeakerNet, in eval mode; `net.extract(features (B, T, F))` gives (B, D).
        front_end: computes features from samples.
        dim: dimension of the embeddings.
        calibration: the Calibration in cosine_calibration.json; None if the directory has none, or if another
            checkpoint or node than the default is used.
    """

    def __init__(
        self,
        directory: AnyPath,
        checkpoint: str | int = "best",
        node: str | None = None,
        chunk_size: int = 10000,
        engine: str | None = None,
    ) -> None:
        """Args:
            directory: a model directory, or `user/name` of a model on the Hugging Face Hub.
            checkpoint: "best", "last" or a number of epochs.
            node: the endpoint to extract, one vector per utterance; None: the configured one.
            chunk_size: frames per chunk of a long recording, whose embedding is the mean over its chunks; -1: no
                chunks.
            engine: "mlx" or "onnx"; None: the fastest one for the device (`nnet.model.engine.engine_of`).
        """  # fmt: skip
        directory = find_model(directory)
        self.net, self.config, about = load_speaker_net(directory, checkpoint)
        self.node, self.chunk_size = self.net.utterance_node(node), chunk_size
        self.dim = self.net.endpoint_dim(self.node)
        self._engine = engine_of(self.net, self.node, engine)
        self.front_end = FrontEnd(about["feats_conf"])
        self.calibration = None
        if self.node == self.net.node and checkpoint == "best":
            self.calibration = _calibration_of(directory)
            check_self_test(directory, self)

    def embed(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        """Embeds a recording: samples (n,) in [-1, 1) at `sample_rate` Hz → (D,) float32."""
        return next(self._embed([("samples", samples, sample_rate)]))

    def embed_batch(self, recordings: Sequence[tuple[np.ndarray, int]]) -> list[np.ndarray]:
        """Embeds recordings [(samples, sample_rate), ...]: list of (D,); those of equal length form a batch."""
        return list(self._embed((f"recording {i}", *r) for i, r in enumerate(recordings)))

    def embed_file(self, path: AnyPath) -> np.ndarray:
        """Embeds an audio file of any length: (D,) float32."""
        return next(self.embed_files([path]))

    def embed_files(self, paths: Iterable[AnyPath]) -> Iterator[np.ndarray]:
        """Yields the embedding, (D,) float32, of each audio file."""
        return self._embed((str(path), *open_audio(str(path))) for path in paths)

    def probability(self, cosine: ArrayLike, p_target: float = 0.5) -> np.ndarray:
        """Computes the posterior probability that two recordings are of the same speaker.

        Args:
            cosine: cosine score of the embeddings, a number or an array.
            p_target: prior probability of the same speaker.

        Raises:
            InputError: the model directory has no calibration.
        """
        if self.calibration is None:
            raise InputError(f"this model has no {CALIBRATION}; train it with steps/train_calibration.sh")
        ratios = self.calibration.apply(np.reshape(cosine, (-1, 1)))
        return scipy.special.expit(ratios + scipy.special.logit(p_target)).reshape(np.shape(cosine))

    def _embed(self, recordings: Iterable[tuple[str, Rows, int]]) -> Iterator[np.ndarray]:
        features = ((where, self.front_end(samples, rate, where)) for where, samples, rate in recordings)
        for where, vector in embed_utterances(self.net, features, self.chunk_size, node=self.node, engine=self._engine):
            if vector is None:
                least = self.net.network.min_frames
                raise InputError(f"{where}: too short for an embedding: fewer than {least} frames of speech")
            yield vector


def load_model(
    directory: AnyPath,
    checkpoint: str | int = "best",
    node: str | None = None,
    chunk_size: int = 10000,
    engine: str | None = None,
) -> Embedder:
    """Loads a trained model.

    >>> model = nnet.load_model("exp/xvector")
    >>> model.dim
    12

    Args:
        directory, checkpoint, node, chunk_size, engine: as for `Embedder`.
    """
    return Embedder(directory, checkpoint, node, chunk_size, engine)


def cosine(x: np.ndarray, y: np.ndarray) -> float:
    """Computes the cosine of the angle between two vectors.

    >>> round(nnet.cosine(np.array([1.0, 0.0]), np.array([1.0, 1.0])), 4)
    0.7071
    """
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))


def _calibration_of(directory: AnyPath) -> Calibration | None:
    path = os.path.join(directory, CALIBRATION)
    if not os.path.isfile(path):
        return None
    calibration, _ = read_calibration(path)
    if len(calibration.weights) != 1:
        raise InputError(f"{path}: calibrates {len(calibration.weights)} columns; train it on cosine scores alone")
    return calibration
