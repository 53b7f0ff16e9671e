"""From frames to one vector an utterance.

`build_pooling(type, in_dim, endpoint_dims, **options)` gives a module with `out_dim`; endpoint_dims is the network's
dict of endpoint widths. `pooling(x, endpoints)` maps (B, T, in_dim) to (B, out_dim); `endpoints`, the dict that the
network filled, is needed only where `pooling.inputs` names some or `pooling.penalty_weight` is above zero; in the
latter case training adds `pooling.penalty(endpoints)` to the loss. nnet/config/poolings.py describes the options.
"""

import dataclasses

from nnet.config.poolings import POOLING_OPTIONS
from nnet.poolings.attentive import AttentiveStatistics, ChannelAttention, MultiHeadAttention, MultiQueryAttention
from nnet.poolings.base import Pooling
from nnet.poolings.self_attention import SelfAttention
from nnet.poolings.statistics import AveragePooling, DeviationPooling, StatisticsPooling
from nnet.poolings.vlad import Vlad

__all__ = ["POOLINGS", "Pooling", "build_pooling"]

POOLINGS = {
    "average": AveragePooling,
    "deviation": DeviationPooling,
    "statistics": StatisticsPooling,
    "attentive_statistics": AttentiveStatistics,
    "channel_attention": ChannelAttention,
    "multi_head_attention": MultiHeadAttention,
    "multi_query_attention": MultiQueryAttention,
    "self_attention": SelfAttention,
    "vlad": Vlad,
}


def build_pooling(name, in_dim, endpoint_dims=None, **options):
    """The pooling NAME of `POOLINGS`; what `options` does not say has the default of its dataclass."""
    options = dataclasses.asdict(POOLING_OPTIONS[name](**options))
    if POOLINGS[name].uses_endpoints:
        options["endpoint_dims"] = endpoint_dims
    return POOLINGS[name](in_dim, **options)
