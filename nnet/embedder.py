"""A trained model as a library sees it: audio in, embedding out."""

from nnet.errors import InputError
from nnet.extraction import embed_utterances
from nnet.feats.front_end import FrontEnd
from nnet.io.audio import read_audio
from nnet.model_dir import load_model


class Embedder:
    """A model directory with its front end.

    >>> model = nnet.load_model("exp/xvector")
    >>> vector = model.embed(samples, 16000)

    Attributes:
        net: the SpeakerNet, in eval mode; `net.extract(features (B, T, F))` gives (B, D).
        front_end: samples → features.
        dim: the dimension of the embeddings.
    """

    def __init__(self, directory, checkpoint="best", node=None, chunk_size=10000):
        """Args:
            directory: a model directory.
            checkpoint: "best", "last" or a number of epochs.
            node: the endpoint to take; None: the configured one.
            chunk_size: frames in which long recordings are read; their embedding is the mean over the chunks.
        """  # fmt: skip
        self.net, self.config, about = load_model(directory, checkpoint)
        self.node, self.chunk_size = node or self.net.node, chunk_size
        self.dim = self.net.endpoint_dim(self.node)
        self.front_end = FrontEnd(about["feats_conf"])

    def embed(self, samples, sample_rate):
        """The embedding, (D,) float32, of a recording: samples (n,) in [-1, 1) at `sample_rate` Hz."""
        return next(self._embed([("samples", samples, sample_rate)]))

    def embed_batch(self, recordings):
        """The embeddings, a list of (D,), of recordings [(samples, sample_rate), ...]; equal lengths go together."""
        return list(self._embed((f"recording {i}", *r) for i, r in enumerate(recordings)))

    def embed_file(self, path):
        """The embedding, (D,) float32, of an audio file of any length."""
        return next(self.embed_files([path]))

    def embed_files(self, paths):
        """Yields the embedding, (D,) float32, of each audio file."""
        return self._embed((str(path), *read_audio(str(path))) for path in paths)

    def _embed(self, recordings):
        features = ((where, self.front_end(samples, rate, where)) for where, samples, rate in recordings)
        for where, vector in embed_utterances(self.net, features, self.chunk_size, node=self.node):
            if vector is None:
                least = self.net.network.min_frames
                raise InputError(f"{where}: too short for an embedding: fewer than {least} frames of speech")
            yield vector
