"""The interface of frame-level networks."""

from nnet.ops import nn


class Network(nn.Module):
    """Base class of networks: modules that map the features of an utterance to frame-level vectors.

    The constructor is `Network(input_dim, options)`; input_dim is the feature dimension. Optional methods:
    `set_dropout(value)` makes dropout schedulable (training.dropout); `constrain()`, called by the trainer every few
    updates, enforces a constraint on the weights.
    """

    out_dim: int  # width of the output
    min_frames: int  # minimum number of input frames
    endpoint_dims: dict[str, int]  # name → width of each frame-level output available to poolings and extraction

    def __call__(self, x, endpoints=None):
        """
        Args:
            x: features, (B, T, input_dim).
            endpoints: dict to fill with the outputs that `endpoint_dims` names, (B, T', D); None: they are not kept.

        Returns:
            (B, T', out_dim)
        """
        raise NotImplementedError
