"""Arrays of the processor: NumPy's, aligned to cache lines. `cuda.arrays` has the same functions for a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_kernels.jit import threaded

Array = np.ndarray[Any, Any]

CACHE_LINE = 64
"""Bytes of a cache line."""


def zeros(shape: Any, dtype: Any) -> Array:
    """Return an array of zeros that begins at a cache line. Raises MemoryError where memory is too small.

    NumPy aligns to 16 bytes only, and then each vector of 64 bytes may lie in two lines.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    return raw[start : start + size].view(dtype).reshape(shape)


def view(flat: Array, start: int, shape: tuple[int, ...]) -> Array:
    """Return a view of `flat` (n,) from `start` on, in `shape`."""
    return flat[start : start + int(np.prod(shape))].reshape(shape)


@threaded
def _fill(k, threads, a, value):
    a[k * a.shape[0] // threads : (k + 1) * a.shape[0] // threads] = value


def fill(a: Array, value: float, threads: int = 1) -> None:
    """Set every element; with more than one thread the array must be contiguous."""
    if threads > 1:
        _fill(a.reshape(-1), a.dtype.type(value), threads)
    else:
        a.fill(value)


def copy(source: Array, target: Array) -> None:
    """Copy to an array of the same shape; both are on the device."""
    target[...] = source


def add(target: Array, values: Array) -> None:
    """Add an array of the same shape."""
    target += values


def copy_to_device(source: Any, target: Array) -> None:
    """Copy from the host to an array of the same shape on the device."""
    target[...] = source


def to_device(a: Array) -> Array:
    """Return an array of the host on the device: here the array itself."""
    return a


def to_host(a: Array) -> Array:
    """Return an array of the device on the host: here the array itself."""
    return a


def to_host_strided(a: Array, step: int) -> Array:
    """Return a copy of every `step`-th element of `a` (n,) on the host."""
    return a[::step].copy()


def overlap(a: Array, b: Array) -> bool:
    """Return whether two arrays share memory."""
    return np.may_share_memory(a, b)
