"""The only place that knows the kernels: what the engine calls, from the device that computes.

A `Device` holds kernels of one kind, and weights know theirs: a network computes where its weights are. What is
imported from here by name is the processor's. Importing this module loads Numba, so only the engine's processes do.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from lstmtui.common.paths import cache_root
from lstmtui.errors import UsageError

# Before any kernel runs, so that what it compiles is kept in the user's cache folder.
from lstm_kernels.jit import cache_in, collect_jobs  # isort: skip

KERNEL_CACHE = cache_in(cache_root() / "compiled")
"""Where compiled kernels are kept, or None when that folder cannot be written or others may write there."""

from lstm_kernels.cell_table import CELLS, Cell  # noqa: E402
from lstm_kernels.cpu import (  # noqa: E402
    arrays,
    dropout,
    embedding,
    inference,
    linear,
    linear_cross_entropy,
    longest_match,
    optim,
    penalty,
    recurrence,
    sampling,
    sequences,
    softmax,
)
from lstm_kernels.cpu.gemm import Packed, packed_stack, workspace  # noqa: E402
from lstm_kernels.cpu.microkernel.vectors import HAS_BFLOAT16, NATIVE_BFLOAT16  # noqa: E402
from lstm_kernels.precompile import Report, compile_all  # noqa: E402
from lstm_kernels.thread_pool import MAX_THREADS  # noqa: E402

__all__ = [
    "CELLS",
    "CPU",
    "HAS_BFLOAT16",
    "KERNEL_CACHE",
    "MAX_THREADS",
    "NATIVE_BFLOAT16",
    "Cell",
    "Device",
    "Packed",
    "Report",
    "collect_jobs",
    "compile_all",
    "cuda_info",
    "cuda_unavailable_reason",
    "device",
    "dropout",
    "embedding",
    "inference",
    "linear",
    "linear_cross_entropy",
    "longest_match",
    "optim",
    "packed_stack",
    "penalty",
    "recurrence",
    "sampling",
    "sequences",
    "softmax",
    "workspace",
]


@dataclass(slots=True)
class Device:
    """Kernels that go together: modules of the same functions, and the class of packed matrices."""

    name: str
    arrays: Any
    dropout: Any
    embedding: Any
    linear: Any
    linear_cross_entropy: Any
    optim: Any
    penalty: Any
    recurrence: Any
    sequences: Any
    Packed: Any
    replay: Callable[[Hashable, Callable[[], None]], None]
    """replay(key, work): do `work`, which calls the same kernels with the same arrays whenever `key` is the same."""

    def free_memory(self) -> int | None:
        """Return the bytes that arrays may still take; None where that need not be asked beforehand."""
        if self.name == "cpu":
            return None
        found: int | None = import_module("lstm_kernels.cuda.launch").free_memory()
        return found

    def resolve_precision(self, wanted: str, dtype: Any) -> str:
        """Return in what products are computed: as wanted where that can be had; auto is what is quickest."""
        if np.dtype(dtype) == np.float64:
            return "float64"
        if self.name == "cuda":
            return "tf32" if wanted == "auto" else wanted
        has = {"auto": NATIVE_BFLOAT16, "bfloat16": HAS_BFLOAT16, "float32": False}
        return "bfloat16" if has[wanted] else "float32"


def _done(key: Hashable, work: Callable[[], None]) -> None:
    """Do `work`."""
    work()


CPU = Device(
    "cpu", arrays, dropout, embedding, linear, linear_cross_entropy, optim, penalty, recurrence, sequences, Packed,
    replay=_done,
)  # fmt: skip


@cache
def device(wanted: str) -> Device:
    """Return the device that `wanted` means: cpu, cuda, or auto for a GPU where the extra is installed.

    Raises UsageError for cuda where it cannot be used, saying what is missing.
    """
    if wanted == "cpu":
        return CPU
    if wanted == "auto":
        return _cuda() if has_cuda_extra() and cuda_unavailable_reason() is None else CPU
    missing = cuda_unavailable_reason()
    if missing is None:
        return _cuda()
    raise UsageError(f"--device cuda cannot be used: {missing}; --device cpu computes on the processor.")


def has_cuda_extra() -> bool:
    """Return whether the package is installed that the extra `cuda` brings, so that a GPU is meant to be used."""
    return find_spec("numba_cuda") is not None


@cache
def cuda_unavailable_reason() -> str | None:
    """Return in words what keeps this machine from computing on a GPU; None when nothing does."""
    from lstm_kernels.cuda import launch

    return launch.missing()


def cuda_info() -> dict[str, Any]:
    """Return whether there is a GPU and whether auto takes it; its name and versions, or what is missing."""
    missing = cuda_unavailable_reason()
    if missing is not None:
        return {"cuda": False, "cuda_missing": missing}
    return {"cuda": True, "cuda_by_default": has_cuda_extra(), **import_module("lstm_kernels.cuda.launch").facts()}


@cache
def _cuda() -> Device:
    from lstm_kernels import cuda

    names = ("arrays", "dropout", "embedding", "linear", "linear_cross_entropy", "optim", "penalty", "recurrence")
    modules = {name: import_module(f"{cuda.__name__}.{name}") for name in (*names, "sequences")}
    gemm, graphs = (import_module(f"{cuda.__name__}.{name}") for name in ("gemm", "graphs"))
    return Device("cuda", **modules, Packed=gemm.Packed, replay=graphs.replay)
