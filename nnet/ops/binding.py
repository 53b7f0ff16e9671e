"""Loads MLX so that a fast BLAS can still take the place of the one in its wheel.

The dynamic linker binds a library's functions when it is loaded, or, if asked, when each is first called. With the
latter `nnet.ops.runtime.prepare` may come after the import: importing a library should not change the process.
"""

import os
import sys

# Where somebody has loaded MLX before, its BLAS may be bound already.
LOADED_BEFORE = "mlx.core" in sys.modules

_flags = sys.getdlopenflags()
sys.setdlopenflags(os.RTLD_LAZY)
try:
    import mlx.core as mx
finally:
    sys.setdlopenflags(_flags)

import mlx.nn as nn  # noqa: E402
import mlx.optimizers as optimizers  # noqa: E402
from mlx.utils import tree_flatten, tree_map, tree_map_with_path, tree_unflatten  # noqa: E402

__all__ = [
    "LOADED_BEFORE",
    "mx",
    "nn",
    "optimizers",
    "tree_flatten",
    "tree_map",
    "tree_map_with_path",
    "tree_unflatten",
]
