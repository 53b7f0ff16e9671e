"""What every network is."""

from nnet.ops import nn


class Network(nn.Module):
    """Base of the networks: modules that turn the features of an utterance into frame-level vectors.

    A network is built as `Network(input_dim, options)`; input_dim is the number of features a frame. One with dropout
    may have `set_dropout(value)`, which lets a configuration schedule it, and one whose weights obey a constraint
    `constrain()`, which the trainer calls every few updates.
    """

    out_dim: int  # width of its output
    min_frames: int  # the fewest frames that it takes
    endpoint_dims: dict[str, int]  # name and width of each frame-level output that a pooling or extraction can ask for

    def __call__(self, x, endpoints=None):
        """
        Args:
            x: features, (B, T, input_dim).
            endpoints: a dict, which is filled with the outputs that `endpoint_dims` names, (B, T', D); None: they are
                not kept.

        Returns:
            (B, T', out_dim)
        """
        raise NotImplementedError
