"""What Numba does not offer of NVIDIA's driver, through its C interface: more shared memory than a kernel has unasked.

See Nvidia, CUDA driver API, "Execution control", and the CUDA C++ programming guide, "Shared memory".
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

from lstm_kernels.cuda.launch import SIMULATED, cuda

UNASKED = 48 << 10
"""Bytes of shared memory that a block may have without asking."""

_MOST_SHARED_IF_ASKED = 97  # CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
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


_most: list[int] = []


def most_shared() -> int:
    """Return the bytes of shared memory that a block may have, having asked for them."""
    if not _most:
        _most.append(_told())
    return _most[0]


def _told() -> int:
    found, most = library(), ctypes.c_int()
    # A kernel of Numba's own copy is another kind of thing, and cannot be asked for.
    if found is None or not hasattr(found, "cuKernelSetAttribute") or cuda.implementation != "NVIDIA":
        return UNASKED
    status = found.cuDeviceGetAttribute(ctypes.byref(most), _MOST_SHARED_IF_ASKED, cuda.get_current_device().id)
    return max(UNASKED, most.value) if status == 0 else UNASKED


def ask_for_shared(kernel: Any, args: tuple[Any, ...], size: int) -> bool:
    """Let a kernel be started with so many bytes of shared memory for arguments of these types.

    Returns whether it may; if not, nobody has more than without asking from then on.
    """
    if size <= UNASKED or SIMULATED:
        return True
    try:
        # Its handle is nowhere public (https://github.com/NVIDIA/numba-cuda/issues/94), and may be elsewhere one day.
        function = kernel.compile(tuple(kernel.typeof_pyval(a) for a in args))._codelibrary.get_cufunc()
        handle = ctypes.c_void_p(int(function.handle))
    except (AttributeError, TypeError, ValueError):
        handle = None
    device = cuda.get_current_device().id
    if handle is not None and library().cuKernelSetAttribute(_DYNAMIC_SHARED, size, handle, device) == 0:
        return True
    _most[:] = [UNASKED]
    return False
