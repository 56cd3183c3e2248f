"""Access to Numba's CUDA: compiling and launching kernels, and facts about the GPU.

`numba.cuda` is Numba's own copy or the package numba-cuda, which replaces it; with NUMBA_ENABLE_CUDASIM=1 it is the
simulator, which runs each GPU thread as a Python thread. Blocks then have few threads and grids few blocks: just enough
for wrong indices to show.
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

# Small arrays need few blocks; Numba would warn of low occupancy.
for _config in (SETTINGS, getattr(cuda, "config", None)):
    if _config is not None:
        _config.CUDA_LOW_OCCUPANCY_WARNINGS = 0

THREADS = 4 if SIMULATED else 256
"""Threads of a block of `elementwise_grid` and `row_grid`; a power of two."""
MAX_BLOCKS = 2 if SIMULATED else 2048
"""Blocks of a grid at most; each then strides over the rest."""

RESERVED = 0 if SIMULATED else 256 << 20
"""Bytes of the device that are left to compiled kernels, cuBLAS and the driver."""


class Stream(NamedTuple):
    """A stream, as both libraries and Numba identify it."""

    handle: int
    """For libraries."""
    numba: Any
    """For Numba."""


DEFAULT = Stream(0, 0)


class _Current(threading.local):
    stream = DEFAULT


_current = _Current()


def stream() -> Stream:
    """Return the stream on which this thread launches."""
    return _current.stream


@contextmanager
def on(chosen: Stream) -> Iterator[None]:
    """Launch on that stream inside the `with` block."""
    before, _current.stream = _current.stream, chosen
    try:
        yield
    finally:
        _current.stream = before


class Kernel:
    """A kernel that is compiled on its first call with each combination of types: kernel[blocks, threads](...).

    A third number is the bytes of dynamic shared memory of each block.
    """

    def __init__(self, compiled: Any) -> None:
        self.compiled = compiled
        """Numba's dispatcher."""

    def __getitem__(self, grid: tuple[Any, ...]) -> Any:
        blocks, threads, *shared = grid
        return self.compiled[blocks, threads, _current.stream.numba, *shared]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` for the GPU.

    Without fast-math, which makes tanh and division inaccurate; and NaN and infinity must survive.
    """
    compiled = cuda.jit(function)
    if not SIMULATED:
        cuda_kernels.set_cache(compiled, KernelCache(function, _target))
    return Kernel(compiled)


def _target() -> tuple[Any, ...]:
    """Return the architecture of compiled code, and the compiler."""
    compiler = "numba-cuda" if cuda.implementation == "NVIDIA" else "numba"
    return (*cuda.get_current_device().compute_capability, compiler, version(compiler))


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a plain function of scalars, such as a cell, into the kernels that call it."""
    return function if SIMULATED else cuda.jit(device=True, inline="always")(function)


def types_of(dtype: str) -> tuple[Any, Any]:
    """Return the scalar type of NumPy and the element type of Numba for a dtype's name."""
    return np.dtype(dtype).type, getattr(numba.types, dtype)


def elementwise_grid(count: int) -> tuple[int, int]:
    """Return the grid of a kernel that strides over `count` numbers."""
    return max(1, min(-(-count // THREADS), MAX_BLOCKS)), THREADS


def row_grid(rows: int) -> tuple[int, int]:
    """Return the grid of a kernel whose blocks stride over rows, and threads along a row."""
    return max(1, min(rows, MAX_BLOCKS)), THREADS


# --- the GPU ----------------------------------------------------------------------------------------------------------


def unavailable_reason() -> str | None:
    """Return why this process cannot compute on a GPU, in words; None where it can."""
    if SIMULATED:
        return None
    try:
        if cuda.is_available():
            return None
        error = cuda.cuda_error()
    except Exception as raised:  # whatever the failure, the driver cannot be used
        error = raised
    if error is None:
        return "the CUDA compiler is not installed (pip install 'lstmtui[cuda]')"
    found = re.search(r"CUDA_ERROR_\w+", str(error))
    if found is None:
        return "there is no NVIDIA driver on this machine"
    return f"the NVIDIA driver finds no GPU that it can use ({found[0]})"


def info() -> dict[str, Any]:
    """Return the GPU, its memory, driver and toolkit for people; only where `unavailable_reason` is None."""
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


def _version(query: Callable[[], tuple[int, int]]) -> str | None:
    try:
        major, minor = query()
    except Exception:  # for people only: an unknown version is no failure
        return None
    return f"CUDA {major}.{minor}"


def multiprocessors() -> int:
    """Return the number of multiprocessors: as many blocks run at once, however large."""
    return 6 if SIMULATED else int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


def free_memory() -> int | None:
    """Return the bytes available to arrays; None where they are unknown."""
    if SIMULATED:
        return None
    return max(0, int(cuda.current_context().get_memory_info()[0]) - RESERVED)


def synchronize() -> None:
    """Wait until all launched kernels have finished."""
    cuda.synchronize()
