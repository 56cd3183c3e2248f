"""NVIDIA's driver through its C interface, for what Numba does not offer: shared memory beyond the default limit.

See Nvidia, CUDA driver API, "Execution control", and the CUDA C++ programming guide, "Shared memory".
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

from lstm_kernels.cuda.launch import SIMULATED, cuda
from lstm_kernels.numba_patches import cuda_kernels

DEFAULT_SHARED = 48 << 10
"""Bytes of shared memory that a block may have by default."""

_MAX_SHARED_OPTIN = 97  # CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
_DYNAMIC_SHARED = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES


@cache
def library() -> Any:
    """Return the driver, or None where it is not found."""
    if SIMULATED:
        return None
    try:
        return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None


_limit: list[int] = []


def max_shared() -> int:
    """Return the bytes of shared memory that a block may have once `allow_shared` has raised the kernel's limit."""
    if not _limit:
        _limit.append(_query_limit())
    return _limit[0]


def _query_limit() -> int:
    found, most = library(), ctypes.c_int()
    # Kernels of Numba's built-in CUDA target are modules' functions, whose limit this interface cannot raise.
    if found is None or not hasattr(found, "cuKernelSetAttribute") or cuda.implementation != "NVIDIA":
        return DEFAULT_SHARED
    status = found.cuDeviceGetAttribute(ctypes.byref(most), _MAX_SHARED_OPTIN, cuda.get_current_device().id)
    return max(DEFAULT_SHARED, most.value) if status == 0 else DEFAULT_SHARED


def allow_shared(kernel: Any, args: tuple[Any, ...], size: int) -> bool:
    """Raise a kernel's limit of shared memory to `size` bytes, for arguments of these types.

    Returns whether it may be started with them. Once refused, the default limit holds for all kernels.
    """
    if size <= DEFAULT_SHARED or SIMULATED:
        return True
    handle, device = cuda_kernels.handle(kernel, args), cuda.get_current_device().id
    if handle is not None:
        status = library().cuKernelSetAttribute(_DYNAMIC_SHARED, size, ctypes.c_void_p(handle), device)
        if status == 0:
            return True
    _limit[:] = [DEFAULT_SHARED]
    return False
