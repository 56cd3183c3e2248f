"""Where everything that Numba's CUDA offers comes in, and how kernels are made and started.

Either Numba's own copy or the package numba-cuda, which replaces it, answers to `numba.cuda`; with
NUMBA_ENABLE_CUDASIM=1 it is the simulator, which runs each thread of a GPU as one of Python's. Blocks are then of few
threads, and grids of few blocks: as many as it takes for indices to be wrong if they can be.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, NamedTuple

import numba
import numpy as np

import lstm_kernels.numba_patches.cuda_numpy  # noqa: F401  before numba.cuda

from numba import cuda as _cuda  # isort: skip

from lstm_kernels.cuda.kernel_cache import KernelCache
from lstm_kernels.numba_patches import cuda_kernels
from lstm_kernels.numba_patches.untyped import SETTINGS

cuda: Any = _cuda  # whose stubs know nothing of kernels

Array = Any
"""An array on the device."""

SIMULATED = bool(SETTINGS.ENABLE_CUDASIM)

# Small arrays are shared out over few blocks, which is no one's fault.
for _config in (SETTINGS, getattr(cuda, "config", None)):
    if _config is not None:
        _config.CUDA_LOW_OCCUPANCY_WARNINGS = 0

THREADS = 4 if SIMULATED else 256
"""Threads of a block that shares out one row, or numbers one by one; a power of two."""
MAX_BLOCKS = 2 if SIMULATED else 2048
"""Blocks that are started at most; each then takes more than one share."""

RESERVED = 0 if SIMULATED else 256 << 20
"""Bytes of the device that compiled kernels, cuBLAS and the driver may want beside our arrays."""


class Stream(NamedTuple):
    """Where kernels are started, in order."""

    handle: int
    """As libraries take it."""
    numba: Any
    """As Numba takes it."""


DEFAULT = Stream(0, 0)


class _Current(threading.local):
    stream = DEFAULT


_current = _Current()


def stream() -> Stream:
    """Return where this thread starts what it starts."""
    return _current.stream


@contextmanager
def on(chosen: Stream) -> Iterator[None]:
    """Start everything there."""
    before, _current.stream = _current.stream, chosen
    try:
        yield
    finally:
        _current.stream = before


class Kernel:
    """A kernel that is compiled on its first call with each combination of types: kernel[blocks, threads](...).

    A third number is the bytes of shared memory that each block gets beside what the kernel says itself.
    """

    def __init__(self, compiled: Any) -> None:
        self.compiled = compiled
        """As Numba has it."""

    def __getitem__(self, grid: tuple[Any, ...]) -> Any:
        blocks, threads, *shared = grid
        return self.compiled[blocks, threads, _current.stream.numba, *shared]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` for the GPU.

    Without fast-math: it would make tanh and division coarse, and NaN and infinity must survive.
    """
    compiled = cuda.jit(function)
    if not SIMULATED:
        cuda_kernels.set_cache(compiled, KernelCache(function, _target))
    return Kernel(compiled)


def _target() -> tuple[Any, ...]:
    """Return what compiled code is for, and by what it was made."""
    made_by = "numba-cuda" if cuda.implementation == "NVIDIA" else "numba"
    return (*cuda.get_current_device().compute_capability, made_by, version(made_by))


def inlined(function: Callable[..., Any]) -> Any:
    """Make a plain function of scalars, such as a cell, part of the kernels that call it."""
    return function if SIMULATED else cuda.jit(device=True, inline="always")(function)


def types_of(dtype: str) -> tuple[Any, Any]:
    """Return the type of a scalar, as NumPy has it, and that of an array's elements in a kernel, as Numba does."""
    return np.dtype(dtype).type, getattr(numba.types, dtype)


def elementwise_grid(count: int) -> tuple[int, int]:
    """Return the grid of a kernel that strides over `count` numbers."""
    return max(1, min(-(-count // THREADS), MAX_BLOCKS)), THREADS


def row_grid(rows: int) -> tuple[int, int]:
    """Return the grid of a kernel whose blocks stride over rows, and threads along a row."""
    return max(1, min(rows, MAX_BLOCKS)), THREADS


# --- what there is ----------------------------------------------------------------------------------------------------


def unavailable_reason() -> str | None:
    """Return in words what keeps this process from computing on a GPU; None when nothing does."""
    if SIMULATED:
        return None
    try:
        if cuda.is_available():
            return None
        error = cuda.cuda_error()
    except Exception as raised:  # whatever the driver fails of, it cannot be used
        error = raised
    if error is None:
        return "the CUDA compiler is not installed (pip install 'lstmtui[cuda]')"
    found = re.search(r"CUDA_ERROR_\w+", str(error))
    if found is None:
        return "there is no NVIDIA driver on this machine"
    return f"the NVIDIA driver finds no GPU that it can use ({found[0]})"


def info() -> dict[str, Any]:
    """Return the GPU, its memory, driver and toolkit for people; only where nothing is `missing`."""
    if SIMULATED:
        return {"gpu": "simulator", "gpu_memory_mb": None, "driver": None, "toolkit": None}
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    free, total = cuda.current_context().get_memory_info()
    major, minor = device.compute_capability
    return {
        "gpu": f"{name}, compute capability {major}.{minor}, {device.MULTIPROCESSOR_COUNT} multiprocessors",
        "gpu_memory_mb": round(total / 2**20),
        "gpu_free_mb": round(free / 2**20),
        "driver": _version(_driver_version),
        "toolkit": _version(lambda: cuda.runtime.get_version()),
        "numba_cuda": getattr(cuda, "implementation", "Built-in"),
    }


def _driver_version() -> tuple[int, int]:
    from numba.cuda.cudadrv.driver import driver

    return tuple(driver.get_version())


def _version(ask: Callable[[], tuple[int, int]]) -> str | None:
    try:
        major, minor = ask()
    except Exception:  # only said to people: an unknown version is no reason to fail
        return None
    return f"CUDA {major}.{minor}"


def multiprocessors() -> int:
    """Return how many blocks can run at once, however much of its multiprocessor one takes."""
    return 6 if SIMULATED else int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


def free_memory() -> int | None:
    """Return the bytes that arrays may still take; None where nobody knows."""
    if SIMULATED:
        return None
    return max(0, int(cuda.current_context().get_memory_info()[0]) - RESERVED)


def synchronize() -> None:
    """Wait until everything that was started has been done."""
    cuda.synchronize()
