"""From frames to one vector an utterance: poolings by their names in a configuration.

`POOLINGS["statistics"](in_dim, options, endpoint_dims)` gives a module with `out_dim`; endpoint_dims is the network's
dict of endpoint widths. `pooling(x, endpoints)` maps (B, T, in_dim) to (B, out_dim); `endpoints`, the dict that the
network filled, is needed only where `pooling.inputs` names some or `pooling.penalty_weight` is above zero; in the
latter case training adds `pooling.penalty(endpoints)` to the loss.
"""

from nnet.poolings.attentive import AttentiveStatistics, ChannelAttention, MultiHeadAttention, MultiQueryAttention
from nnet.poolings.base import Pooling
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
    "vlad": Vlad,
}
