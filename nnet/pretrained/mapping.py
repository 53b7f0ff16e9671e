"""What reading a checkpoint of any toolkit comes to."""

from collections.abc import Callable
from dataclasses import dataclass

from nnet.pretrained.layouts import from_torch
from nnet.pretrained.names import their_name


@dataclass(frozen=True)
class Reading:
    """A checkpoint in terms of this toolkit.

    Attributes:
        sections: network, pooling and embedding of a configuration.
        input_dim: features a frame.
        feats_conf: how the features are made; None where the checkpoint does not tell.
        state: their name → array.
        name: (our name of a weight, type of the network) → their name, or None.
        layout: (their array, our number of axes) → the array in our order of axes.
    """

    sections: dict
    input_dim: int
    feats_conf: dict | None
    state: dict
    name: Callable = their_name
    layout: Callable = from_torch
