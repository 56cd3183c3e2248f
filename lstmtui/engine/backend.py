"""The only place that knows the kernels: what the engine calls, from the device that computes.

Today that is the processor. Importing this module loads Numba, so only the engine's processes do.
"""

from __future__ import annotations

from lstmtui.places import cache_root

# Before any kernel runs, so that what it compiles is kept in the user's cache folder.
from lstm_kernels.compile import cache_in, jobs_of  # isort: skip

KERNEL_CACHE = cache_in(cache_root() / "compiled")
"""Where compiled kernels are kept, or None when that folder cannot be written."""

from lstm_kernels.cells import CELLS, Cell  # noqa: E402
from lstm_kernels.cpu import (  # noqa: E402
    dropout,
    embedding,
    linear,
    optim,
    penalty,
    recurrence,
    sampling,
    softmax,
    stepping,
    stretch,
)
from lstm_kernels.cpu.packed import Packed, stack, workspace  # noqa: E402
from lstm_kernels.cpu.tiles import HAS_BFLOAT16, NATIVE_BFLOAT16  # noqa: E402
from lstm_kernels.warm import Report, compile_all  # noqa: E402

__all__ = [
    "CELLS",
    "HAS_BFLOAT16",
    "KERNEL_CACHE",
    "NATIVE_BFLOAT16",
    "Cell",
    "Packed",
    "Report",
    "compile_all",
    "dropout",
    "embedding",
    "jobs_of",
    "linear",
    "optim",
    "penalty",
    "recurrence",
    "sampling",
    "softmax",
    "stack",
    "stepping",
    "stretch",
    "workspace",
]
