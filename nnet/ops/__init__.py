"""The operations in which networks, poolings and losses are written; all imports of MLX go through here.

    from nnet import ops
    y = ops.relu(bn(conv(x))) + x

Their arguments are `mx.array`s, or objects derived from `Value` (`nnet.ops.value`), which define how operations on them
are computed: a batch split into shards over a CPU's cores, a node of an exported graph, an array that counts
multiply-adds. Ordinary operators and slices work on all of these. A network or pooling that uses nothing else runs fast
on every device and can be exported; losses get plain arrays and may use all of MLX. In an operator between a Value and
an array that is not computed from it, the Value must come first: `x * scale`.

Importing this module does not change the process; `nnet.ops.runtime.prepare` makes MLX fast on a Linux CPU.
"""

from nnet.ops.binding import mx, nn, optimizers, tree_flatten, tree_map, tree_map_with_path, tree_unflatten

# isort: split
from nnet.ops.convolution import context_linear, conv, linear
from nnet.ops.elementwise import (
    absolute,
    cast,
    clip,
    gelu,
    leaky_relu,
    maximum,
    prelu,
    random_scale,
    relu,
    scale_shift,
    sigmoid,
    softplus,
    sqrt,
    tanh,
)
from nnet.ops.recurrent import lstm
from nnet.ops.reductions import (
    batch_statistics,
    instance_norm,
    layer_norm,
    max_pool,
    mean,
    mean_and_variance,
    normalize,
    segment_means,
    softmax,
    sum,
    weighted_statistics,
    weighted_sum,
)
from nnet.ops.shapes import (
    as_map,
    concat,
    crop,
    crop_to_multiple,
    expand_dims,
    flatten,
    flatten_map,
    repeat_frames,
    repeat_segments,
    split,
    swapaxes,
    unflatten,
)
from nnet.ops.sharded import gather, spread, with_arrays
from nnet.ops.simam import simam
from nnet.ops.value import Value, operation

__all__ = [
    "Value",
    "absolute",
    "as_map",
    "batch_statistics",
    "cast",
    "clip",
    "concat",
    "context_linear",
    "conv",
    "crop",
    "crop_to_multiple",
    "expand_dims",
    "flatten",
    "flatten_map",
    "gather",
    "gelu",
    "instance_norm",
    "layer_norm",
    "leaky_relu",
    "linear",
    "lstm",
    "max_pool",
    "maximum",
    "mean",
    "mean_and_variance",
    "mx",
    "nn",
    "normalize",
    "operation",
    "optimizers",
    "prelu",
    "random_scale",
    "relu",
    "repeat_frames",
    "repeat_segments",
    "scale_shift",
    "segment_means",
    "sigmoid",
    "simam",
    "softmax",
    "softplus",
    "split",
    "spread",
    "sqrt",
    "sum",
    "swapaxes",
    "tanh",
    "tree_flatten",
    "tree_map",
    "tree_map_with_path",
    "tree_unflatten",
    "unflatten",
    "weighted_statistics",
    "weighted_sum",
    "with_arrays",
]
