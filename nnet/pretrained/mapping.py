"""How a checkpoint of another toolkit maps onto a model of this one."""

from collections.abc import Callable
from dataclasses import dataclass

from nnet.pretrained.layouts import from_torch
from nnet.pretrained.names import their_name


@dataclass(frozen=True)
class CheckpointMapping:
    """The configuration of a checkpoint's network, and the correspondence between its tensors and our weights.

    Attributes:
        sections: the sections network, pooling and embedding of a configuration.
        input_dim: feature dimension.
        feats_conf: how the features are computed; None if the checkpoint does not say.
        state: dict from the toolkit's tensor name to an array.
        name: function (our weight name, network type) → the toolkit's tensor name, or None.
        layout: function (the toolkit's array, number of axes of our weight) → the array in our axis order.
    """

    sections: dict
    input_dim: int
    feats_conf: dict | None
    state: dict
    name: Callable = their_name
    layout: Callable = from_torch
