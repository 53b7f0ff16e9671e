"""The one door to MLX: `from nnet.ops import mx, nn`. It prepares the process first; see blas.py."""

from nnet.ops.blas import prepare

prepare()

import mlx.core as mx  # noqa: E402
import mlx.nn as nn  # noqa: E402
from mlx.utils import tree_flatten, tree_map, tree_unflatten  # noqa: E402

__all__ = ["mx", "nn", "tree_flatten", "tree_map", "tree_unflatten"]
