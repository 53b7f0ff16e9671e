"""From frames to one vector an utterance.

`POOLINGS[type](in_dim, **options)` gives a module; where the class has `uses_endpoints`, the keyword `endpoint_dims`
(the network's dict of endpoint widths) is passed too. `pooling(x, endpoints)` maps (B, T, in_dim) to (B, out_dim);
`endpoints` is needed only where `pooling.inputs` names some or `pooling.penalty_weight` is above zero; in the latter
case training adds `pooling.penalty(endpoints)` to the loss. The options are described in nnet/config/poolings.py.
"""

from nnet.poolings.base import Pooling
from nnet.poolings.statistics import AveragePooling, DeviationPooling, StatisticsPooling

__all__ = ["POOLINGS", "Pooling"]

POOLINGS = {
    "average": AveragePooling,
    "deviation": DeviationPooling,
    "statistics": StatisticsPooling,
}
