"""Arrays as kernels take them. For the processor they are NumPy's; what is done here, `cuda.arrays` does on a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_kernels.jit import threaded

Array = np.ndarray[Any, Any]


LINE = 64
"""Bytes of a line of the cache."""


def zeros(shape: Any, dtype: Any) -> Array:
    """Return an array of zeros that begins with a line of the cache: NumPy's own begin where it happens, and then each
    vector of 64 bytes lies in two lines. Raises MemoryError where there is no room for it."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size].view(dtype).reshape(shape)


def part(flat: Array, start: int, shape: tuple[int, ...]) -> Array:
    """Return a view of so much of `flat` from `start` on."""
    return flat[start : start + int(np.prod(shape))].reshape(shape)


@threaded
def _fill(k, threads, a, value):
    a[k * a.shape[0] // threads : (k + 1) * a.shape[0] // threads] = value


def fill(a: Array, value: float, threads: int = 1) -> None:
    """Set every element of an array; on more than one thread only those of one that is contiguous."""
    if threads > 1:
        _fill(a.reshape(-1), a.dtype.type(value), threads)
    else:
        a.fill(value)


def copy(what: Array, to: Array) -> None:
    """Copy from an array to another of its shape, both on the device."""
    to[...] = what


def add(to: Array, what: Array) -> None:
    """Add an array to another of its shape."""
    to += what


def put(what: Any, to: Array) -> None:
    """Copy from the host to an array of the same shape."""
    to[...] = what


def taken(what: Array) -> Array:
    """Return an array of the host on the device; here it is there."""
    return what


def host(a: Array) -> Array:
    """Return an array on the host: here the same; elsewhere a copy."""
    return a


def some(a: Array, step: int) -> Array:
    """Return a copy of every so many elements of `a` (n,), on the host."""
    return a[::step].copy()


def overlap(a: Array, b: Array) -> bool:
    """Return whether two arrays share memory."""
    return np.may_share_memory(a, b)
