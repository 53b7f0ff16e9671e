"""The library interface of a trained model: audio in, embedding out."""

import functools
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

from nnet.audio.reading import open_audio
from nnet.backend.calibration import Calibration, read_calibration
from nnet.backend.duration_calibration import DurationCalibration, is_by_duration, read_duration_calibration
from nnet.backend.embeddings import unit_length
from nnet.errors import InputError
from nnet.feats.front_end import FrontEnd
from nnet.files import AnyPath
from nnet.model.directory import load_speaker_net
from nnet.model.engine import engine_of
from nnet.model.extraction import embed_utterances
from nnet.model.hub import find_model
from nnet.model.self_check import check_self_test
from nnet.model.weights import weights_of
from nnet.ops import mx
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
        name: what it was loaded by: a directory, or a name on the Hugging Face Hub.
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
        self.name, directory = os.fspath(directory), find_model(directory)
        self.net, self.config, about = load_speaker_net(directory, checkpoint)
        self.node, self.chunk_size = self.net.utterance_node(node), chunk_size
        self.dim = self.net.endpoint_dim(self.node)
        self._engine = engine_of(self.net, self.node, engine)
        self._feats_conf = about["feats_conf"]
        self.front_end = FrontEnd(self._feats_conf)
        self._directory = directory if self.node == self.net.node and checkpoint == "best" else None
        if self._directory is not None:
            check_self_test(directory, self)

    @functools.cached_property
    def checksum(self) -> str:
        """Tells the embeddings of different models apart: of the weights, the endpoint and the features."""
        digest = hashlib.sha256(json.dumps([self.node, self._feats_conf], sort_keys=True).encode())
        for name, weight in sorted(weights_of(self.net).items()):
            digest.update(name.encode() + np.array(weight.astype(mx.float32)).tobytes())
        return digest.hexdigest()[:16]

    def embed(self, samples: Rows, sample_rate: int, where: str = "samples") -> np.ndarray:
        """Embeds samples (n,) in [-1, 1) at `sample_rate` Hz: (D,) float32; `where` names them in errors."""
        return next(self._embed([(where, samples, sample_rate)]))

    def embed_batch(self, recordings: Sequence[tuple[np.ndarray, int]]) -> list[np.ndarray]:
        """Embeds recordings [(samples, sample_rate), ...]: list of (D,); those of equal length form a batch."""
        return list(self._embed((f"recording {i}", *r) for i, r in enumerate(recordings)))

    def embed_file(self, path: AnyPath) -> np.ndarray:
        """Embeds an audio file of any length: (D,) float32."""
        return next(self.embed_files([path]))

    def embed_files(self, paths: Iterable[AnyPath]) -> Iterator[np.ndarray]:
        """Yields the embedding, (D,) float32, of each audio file."""
        return self._embed((str(path), *open_audio(str(path))) for path in paths)

    @functools.cached_property
    def calibration(self) -> Calibration | DurationCalibration | None:
        """The calibration in cosine_calibration.json: a DurationCalibration if it depends on the seconds of speech.

        None if the directory has none, or if another checkpoint or node than the default is used.
        """
        path = os.path.join(self._directory or "", CALIBRATION)
        if self._directory is None or not os.path.isfile(path):
            return None
        calibration, description = read_calibration(path)
        if is_by_duration(description):
            return read_duration_calibration(path, self.checksum)
        if len(calibration.weights) != 1:
            raise InputError(f"{path}: calibrates {len(calibration.weights)} columns; train it on cosine scores alone")
        return calibration

    def probability(
        self, cosine: ArrayLike, p_target: float = 0.5, seconds: tuple[float, float] | None = None
    ) -> np.ndarray:
        """Computes the posterior probability that two recordings are of the same speaker.

        Args:
            cosine: cosine score of the embeddings, a number or an array.
            p_target: prior probability of the same speaker.
            seconds: of speech in both recordings (`nnet.feats.speech.seconds_of_speech`), for a calibration by
                duration.

        Raises:
            InputError: the model directory has no calibration, or `seconds` are needed.
        """
        if self.calibration is None:
            raise InputError(f"this model has no {CALIBRATION}; make it with mlx-speaker calibrate")
        if isinstance(self.calibration, DurationCalibration):
            if seconds is None:
                raise InputError(f"the {CALIBRATION} of this model depends on the seconds of speech; give them")
            ratios = self.calibration.log_ratio(cosine, *seconds)
        else:
            ratios = self.calibration.apply(np.reshape(cosine, (-1, 1))).reshape(np.shape(cosine))
        return scipy.special.expit(ratios + scipy.special.logit(p_target))

    def embed_features(self, features: Iterable[tuple[Any, Rows]]) -> Iterator[tuple[Any, np.ndarray | None]]:
        """Embeds features as the front end computes them, in batches.

        Args:
            features: (key, rows (T, F) float32) of each utterance.

        Yields:
            (key, embedding (D,) float32), in the same order; (key, None) for fewer frames than the network needs.
        """
        return embed_utterances(self.net, features, self.chunk_size, node=self.node, engine=self._engine)

    def _embed(self, recordings: Iterable[tuple[str, Rows, int]]) -> Iterator[np.ndarray]:
        features = ((where, self.front_end(samples, rate, where)) for where, samples, rate in recordings)
        for where, vector in self.embed_features(features):
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
    """Computes the cosine of the angle between two vectors; 0 if one of them is zero.

    >>> round(nnet.cosine(np.array([1.0, 0.0]), np.array([1.0, 1.0])), 4)
    0.7071
    """
    return float(unit_length(x) @ unit_length(y))
