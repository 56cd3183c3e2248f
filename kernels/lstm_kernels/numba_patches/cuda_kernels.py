"""A kernel for a GPU with a cache of ours, and its handle. Tested with Numba 0.68.1 and numba-cuda 0.30.4.

Numba's cache of kernels does not see what a kernel closes over, so `_cache` is replaced. More than 48 KiB of shared
memory need the driver's handle of a kernel, which is nowhere public (https://github.com/NVIDIA/numba-cuda/issues/94).
"""

from __future__ import annotations

import pickle
from typing import Any

from numba.core.serialize import dumps

PRIVATE = (
    "numba.core.serialize.dumps",
    "numba.cuda.dispatcher._Kernel._rebuild",
    "numba.cuda.dispatcher._Kernel._reduce_states",
    "numba.cuda.dispatcher.CUDADispatcher.typeof_pyval",
    "numba.cuda.codegen.CUDACodeLibrary.get_cufunc",
)


def set_cache(compiled: Any, cache: Any) -> None:
    """Let a compiled function load and save its kernels by `cache`."""
    compiled._cache = cache


def to_bytes(kernel: Any) -> bytes:
    """Return a kernel as bytes. Raises anything where that cannot be done."""
    return dumps((type(kernel), kernel._reduce_states()))


def from_bytes(payload: bytes) -> Any:
    """Return the kernel again. Raises anything where `payload` is not one."""
    kind, states = pickle.loads(payload)
    return kind._rebuild(**states)


def handle(compiled: Any, args: tuple[Any, ...]) -> int | None:
    """Return the driver's handle of the kernel for arguments of these types; None where it is not found."""
    try:
        kernel = compiled.compile(tuple(compiled.typeof_pyval(a) for a in args))
        return int(kernel._codelibrary.get_cufunc().handle)
    except (AttributeError, TypeError, ValueError):
        return None
