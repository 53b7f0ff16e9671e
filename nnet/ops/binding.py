"""Imports MLX with lazy binding, so that `nnet.ops.runtime.prepare` can replace its BLAS later.

The dynamic linker binds the functions of a library when the library is loaded, or, with lazy binding, when each is
first called. Lazy binding allows `prepare` to run after the import, which itself should not change the process.
"""

import os
import sys

# If MLX was imported before, its BLAS may already be bound.
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
