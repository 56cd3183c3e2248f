"""LLVM code inside kernels for a GPU. Tested with Numba 0.68.1 and numba-cuda 0.30.4. Not for the simulator."""

from __future__ import annotations

from typing import Any

import lstm_kernels.numba_patches.cuda_numpy  # noqa: F401  before numba.cuda

from numba.cuda.extending import intrinsic as _intrinsic  # isort: skip

from lstm_kernels.numba_patches.codegen import cgutils, make_array, signature

__all__ = ["PRIVATE", "cgutils", "intrinsic", "make_array", "signature"]

PRIVATE = ("numba.cuda.extending.intrinsic",)

intrinsic: Any = _intrinsic
