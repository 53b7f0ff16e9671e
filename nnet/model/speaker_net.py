"""SpeakerNet = network → pooling → embedding, and how it is built from a configuration."""

import contextlib

from nnet import ops
from nnet.errors import InputError
from nnet.networks.embedding import Embedding
from nnet.networks.layers import BatchNorm
from nnet.ops import mx, nn
from nnet.ops.gradients import inference
from nnet.ops.runtime import prepare
from nnet.options import nearest


class SpeakerNet(nn.Module):
    """A network, its pooling and its embedding layers; `loss` and `auxiliary` join them while it is trained.

    Calling it gives what the loss sees; `extract` gives the endpoint that stands for the speaker.
    """

    def __init__(self, network, pooling, embedding, node=None):
        super().__init__()
        self.network, self.pooling, self.embedding = network, pooling, embedding
        self.node = node or ("embedding1.affine" if len(embedding.layers) > 1 else "output")
        self.utterance_node(self.node)
        self._dtype = mx.float32  # of the network's activations

    @property
    def endpoint_dims(self):
        """Name → dimension of everything that `extract` can give: (B, T', D) for frames, (B, D) for utterances."""
        after = {"pooling": self.pooling.out_dim} | self.embedding.endpoint_dims | {"output": self.embedding.out_dim}
        return self.network.endpoint_dims | after

    def endpoint_dim(self, node):
        """The dimension of an endpoint, or an InputError that names the nearest one."""
        if node not in self.endpoint_dims:
            raise InputError(f"{node} is not an endpoint of this network{nearest(node, self.endpoint_dims)}")
        return self.endpoint_dims[node]

    def utterance_node(self, node=None):
        """The endpoint `node` (default: the configured one), if it is one vector an utterance; else an InputError."""
        node = node or self.node
        self.endpoint_dim(node)
        if node in self.network.endpoint_dims:
            raise InputError(f"{node} gives a vector for each frame; choose pooling, output or one of embedding*")
        return node

    def __call__(self, x, endpoints=None):
        """x: features (B, T, F) → (B, embedding.out_dim); fills `endpoints`, a dict, where one is given.

        Features may also be a list of (B_i, T_i, F) on a CPU, or any other Value of `nnet.ops`. Frame-level endpoints
        cost memory, so the network keeps them only if the pooling needs them or a dict is given.
        """
        pooled = self._pool(x, endpoints)
        kept = {} if endpoints is None else endpoints
        kept["pooling"] = pooled
        kept["output"] = self.embedding(pooled, kept)
        return kept["output"]

    def _pool(self, x, endpoints):
        if endpoints is None and self.pooling.inputs:
            endpoints = {}
        return ops.gather(self.pooling(self._frames(x, endpoints), endpoints))

    def _frames(self, x, endpoints):
        """What the network gives, float32: x (B, T, F) → (B, T', C); fills `endpoints`, where there are any."""
        frames = self.network(_cast(ops.spread(x), self._dtype), endpoints)
        for name, endpoint in (endpoints or {}).items():
            endpoints[name] = _cast(endpoint, mx.float32)
        return _cast(frames, mx.float32)

    def extract(self, x, node=None):
        """x: features (B, T, F) → the endpoint `node` (default: the configured one), (B, D) or (B, T', D)."""
        node = node or self.node
        with inference():
            if node in self.network.endpoint_dims:
                endpoints = {}
                self._frames(x, endpoints)
                return ops.gather(endpoints[node])
            endpoints = {"pooling": self._pool(x, None)}
            endpoints["output"] = self.embedding(endpoints["pooling"], endpoints)
            return endpoints[node]

    @contextlib.contextmanager
    def computing_in(self, precision):
        """Within it the network has its weights and activations in `precision`: float32 or bfloat16.

        Its batch normalisation and all that follows it, from the pooling on, stay in float32; so do the weights that
        are trained and saved, and their gradients.
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

    def train_forward(self, x):
        """x: features (B, T, F) → what the loss sees, (B, D), and the pooling's own term of the loss, a scalar."""
        if not self.pooling.penalty_weight:
            return self(x), 0.0
        endpoints = {}
        return self(x, endpoints), self.pooling.penalty(endpoints)


def _cast(x, dtype):
    return x if x.dtype == dtype else ops.cast(x, dtype=dtype)


def build_model(config, input_dim):
    """A SpeakerNet with fresh weights, drawn from `mx.random`, for features of `input_dim` dimensions."""
    prepare()
    network = config.network.build(input_dim)
    pooling = config.pooling.build(network.out_dim, endpoint_dims=network.endpoint_dims)
    embedding = Embedding(pooling.out_dim, config.embedding)
    return SpeakerNet(network, pooling, embedding, config.embedding.node)


def attach_loss(model, config, num_speakers):
    """Gives the model its loss and auxiliary losses, so that their weights are trained and saved with it."""
    model.loss = config.loss.build(model.embedding.out_dim, num_speakers)
    model.auxiliary = [choice.build(model.embedding.out_dim, num_speakers) for choice in config.auxiliary]
