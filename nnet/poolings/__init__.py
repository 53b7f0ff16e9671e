"""Poolings, frames (B, T, in_dim) → one vector per utterance (B, out_dim), registered by their configuration names.

`POOLINGS["statistics"](in_dim, options, endpoint_dims)` makes a module; endpoint_dims is the network's dict of endpoint
widths. `pooling(x, endpoints)` needs `endpoints`, the dict that the network filled, only if `pooling.inputs` names some
or `pooling.penalty_weight` is above zero; in the latter case training adds `pooling.penalty(endpoints)` to the loss.
"""

from nnet.poolings.attentive import AttentiveStatistics, ChannelAttention, MultiHeadAttention, MultiQueryAttention
from nnet.poolings.base import Pooling
from nnet.poolings.posterior import PosteriorPooling
from nnet.poolings.self_attention import SelfAttention
from nnet.poolings.statistics import AveragePooling, DeviationPooling, StatisticsPooling
from nnet.poolings.vlad import Vlad

__all__ = ["POOLINGS", "Pooling"]

POOLINGS = {
    "average": AveragePooling,
    "deviation": DeviationPooling,
    "statistics": StatisticsPooling,
    "attentive_statistics": AttentiveStatistics,
    "channel_attention": ChannelAttention,
    "multi_head_attention": MultiHeadAttention,
    "multi_query_attention": MultiQueryAttention,
    "self_attention": SelfAttention,
    "posterior": PosteriorPooling,
    "vlad": Vlad,
}
