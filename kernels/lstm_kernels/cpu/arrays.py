"""Arrays as kernels take them. For the processor they are NumPy's; what is done here, `cuda.arrays` does on a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def zeros(shape: Any, dtype: Any) -> Array:
    """Return an array of zeros. Raises MemoryError where there is no room for it."""
    return np.zeros(shape, dtype)


def part(flat: Array, start: int, shape: tuple[int, ...]) -> Array:
    """Return a view of so much of `flat` from `start` on."""
    return flat[start : start + int(np.prod(shape))].reshape(shape)


def fill(a: Array, value: float) -> None:
    """Set every element."""
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
