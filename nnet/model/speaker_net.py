"""The whole speaker network (network → pooling → embedding layers), built from a configuration."""

import contextlib

from nnet import ops
from nnet.config import Config
from nnet.errors import InputError
from nnet.losses.distillation import Distillation
from nnet.networks.embedding import Embedding
from nnet.networks.layers import BatchNorm
from nnet.ops import mx, nn
from nnet.ops.gradients import inference
from nnet.ops.runtime import prepare
from nnet.options import nearest

# First words of the names of weights that only training needs.
TRAINING_ONLY = ("loss.", "auxiliary.", "distillation.")


class SpeakerNet(nn.Module):
    """A network, its pooling and its embedding layers; `attach_loss` adds the losses for training.

    Calling it returns the input of the loss; `extract` returns the speaker embedding or another endpoint.

    >>> model = nnet.load_model("exp/xvector").net
    >>> sorted(model.endpoint_dims)[:2]
    ['embedding1.affine', 'embedding1.bn']
    """

    def __init__(self, network, pooling, embedding, input_dim, node=None):
        super().__init__()
        self.input_dim = input_dim
        self.network, self.pooling, self.embedding = network, pooling, embedding
        self.node = node or ("embedding1.affine" if len(embedding.layers) > 1 else "output")
        self.utterance_node(self.node)
        self._dtype = mx.float32  # type of the network's activations

    @property
    def endpoint_dims(self):
        """Dict from name to dimension D of every endpoint that `extract` can return: (B, T', D) or (B, D)."""
        after = {"pooling": self.pooling.out_dim} | self.embedding.endpoint_dims | {"output": self.embedding.out_dim}
        return self.network.endpoint_dims | after

    def endpoint_dim(self, node):
        """Returns the dimension of an endpoint; an unknown one is an InputError that suggests the closest name."""
        dims = self.endpoint_dims
        if node not in dims:
            raise InputError(f"{node} is not an endpoint of this network{nearest(node, dims)}")
        return dims[node]

    def utterance_node(self, node=None):
        """Returns `node` (default: the configured one); InputError unless it is one vector per utterance."""
        node = node or self.node
        self.endpoint_dim(node)
        if node in self.network.endpoint_dims:
            raise InputError(f"{node} gives one vector per frame; choose pooling, output or one of embedding*")
        return node

    def __call__(self, x, endpoints=None):
        """Maps features to the input of the loss.

        Args:
            x: features (B, T, F); also a list of (B_i, T_i, F) on a CPU, or any other Value of `nnet.ops`.
            endpoints: dict to fill with all endpoints. Frame-level endpoints cost memory; None: they are kept only if
                the pooling needs them.

        Returns:
            (B, embedding.out_dim)
        """
        pooled = self._pool(x, endpoints)
        kept = {} if endpoints is None else endpoints
        kept["pooling"] = pooled
        kept["output"] = self.embedding(pooled, kept)
        return kept["output"]

    def _pool(self, x, endpoints, kept=None):
        """Runs network and pooling: (B, T, F) → (B, P); the network's output (B, T', C) goes to `kept["frames"]`."""
        if endpoints is None and self.pooling.inputs:
            endpoints = {}
        frames = self._frames(x, endpoints)
        if kept is not None:
            kept["frames"] = ops.gather(frames)
        return ops.gather(self.pooling(frames, endpoints))

    def _frames(self, x, endpoints):
        """Runs the network: x (B, T, F) → (B, T', C) float32; fills `endpoints` if given."""
        frames = self.network(_cast(ops.spread(x), self._dtype), endpoints)
        for name, endpoint in (endpoints or {}).items():
            endpoints[name] = _cast(endpoint, mx.float32)
        return _cast(frames, mx.float32)

    def extract(self, x, node=None):
        """Computes the endpoint `node` (default: the configured one): x (B, T, F) → (B, D) or (B, T', D)."""
        node = node or self.node
        with inference():
            if node in self.network.endpoint_dims:
                endpoints = {}
                self._frames(x, endpoints)
                return ops.gather(endpoints[node])
            endpoints = {"pooling": self._pool(x, None)}
            endpoints["output"] = self.embedding(endpoints["pooling"], endpoints)
            return endpoints[node]

    @property
    def precision(self):
        """Type of the network's weights and activations: float32 or bfloat16."""
        return str(self._dtype).rpartition(".")[2]

    @contextlib.contextmanager
    def computing_in(self, precision):
        """Returns a context in which the network computes in `precision`: float32 or bfloat16.

        Batch normalization, pooling, embedding layers and loss stay in float32, and so do the weights that are trained
        and saved, and their gradients.
        """
        dtype = getattr(mx, precision)
        weights = [
            (module, name, value)
            for module in self.network.modules()
            if not isinstance(module, BatchNorm)
            for name, value in module.items()
            if isinstance(value, mx.array) and value.dtype != dtype
        ]
        for module, name, value in weights:
            module[name] = value.astype(dtype)
        self._dtype = dtype
        try:
            yield
        finally:
            for module, name, value in weights:
                module[name] = value
            self._dtype = mx.float32

    def train_forward(self, x, kept=None):
        """Maps features to the input of the loss and the pooling's penalty.

        Args:
            x: features (B, T, F).
            kept: dict to fill with the endpoints that are one vector an utterance, and with `frames` (B, T', C), the
                network's output.

        Returns:
            ((B, embedding.out_dim), a scalar)
        """
        kept = {} if kept is None else kept
        endpoints = {} if self.pooling.penalty_weight else None
        kept["pooling"] = self._pool(x, endpoints, kept)
        kept["output"] = self.embedding(kept["pooling"], kept)
        return kept["output"], self.pooling.penalty(endpoints) if endpoints is not None else 0.0


def _cast(x, dtype):
    return x if x.dtype == dtype else ops.cast(x, dtype=dtype)


def build_model(config: Config, input_dim: int) -> SpeakerNet:
    """Builds a SpeakerNet for features of `input_dim` dimensions, with weights drawn from `mx.random`.

    >>> model = nnet.build_model(nnet.load_config("nnet_conf/xvector.json"), 30)
    """
    prepare()
    network = config.network.build(input_dim)
    pooling = config.pooling.build(network.out_dim, endpoint_dims=network.endpoint_dims)
    embedding = Embedding(pooling.out_dim, config.embedding)
    return SpeakerNet(network, pooling, embedding, input_dim, config.embedding.node)


def attach_loss(model, config, num_speakers, target_dims=None):
    """Adds the losses to the model, so that their weights are trained and saved with it.

    Args:
        model: a SpeakerNet.
        config: its Config.
        num_speakers: outputs of the classifier.
        target_dims: dimension of a teacher's embeddings and, if they are used, its frames; None: no distillation.
    """
    model.loss = config.loss.build(model.embedding.out_dim, num_speakers)
    model.auxiliary = [choice.build(model.embedding.out_dim, num_speakers) for choice in config.auxiliary]
    if target_dims:
        model.distillation = Distillation(model, target_dims, config.distillation)
