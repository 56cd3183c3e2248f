"""Arrays on the device: made, filled, copied, and brought to the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_kernels.cuda.launch import SIMULATED, Array, cuda, kernel, one_by_one

Host = np.ndarray[Any, Any]


class Nothing:
    """An array without elements, which a device has no place for. Kernels are given another in its stead."""

    nbytes = size = 0

    def __init__(self, shape: Any, dtype: Any) -> None:
        # As large as its longest sides would be, but of one byte: only its shape is ever asked for.
        self._like = np.broadcast_to(np.zeros((), np.int8), shape)
        self.dtype = np.dtype(dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._like.shape

    def __len__(self) -> int:
        return len(self._like)

    def __getitem__(self, item: Any) -> Nothing:
        return Nothing(self._like[item].shape, self.dtype)

    def reshape(self, *shape: Any) -> Nothing:
        return Nothing(self._like.reshape(*shape).shape, self.dtype)


@kernel
def _fill(a, value):
    for n in range(cuda.grid(1), a.shape[0], cuda.gridsize(1)):
        a[n] = value


@kernel
def _copy(a, b):
    for n in range(cuda.grid(1), a.shape[0], cuda.gridsize(1)):
        a[n] = b[n]


@kernel
def _add(a, b):
    for n in range(cuda.grid(1), a.shape[0], cuda.gridsize(1)):
        a[n] += b[n]


@kernel
def _some(a, step, out):
    for n in range(cuda.grid(1), out.shape[0], cuda.gridsize(1)):
        out[n] = a[n * step]


def zeros(shape: Any, dtype: Any) -> Array:
    """Return an array of zeros. Raises MemoryError where the device has no room for it."""
    made = _empty(shape, dtype)
    fill(made, 0)
    return made


def _empty(shape: Any, dtype: Any) -> Array:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if 0 in shape:
        return Nothing(shape, dtype)
    try:
        return cuda.device_array(shape, np.dtype(dtype))
    except Exception as error:
        if "OUT_OF_MEMORY" in str(error).upper():
            raise MemoryError(f"{np.dtype(dtype).itemsize * int(np.prod(shape))} bytes on the GPU") from error
        raise


def part(flat: Array, start: int, shape: tuple[int, ...]) -> Array:
    """Return a view of so much of `flat` from `start` on."""
    size = int(np.prod(shape))
    return flat[start : start + size].reshape(shape) if size else Nothing(shape, flat.dtype)


def fill(a: Array, value: float, threads: int = 1) -> None:
    """Set every element."""
    if a.size:
        _fill[one_by_one(a.size)](a.reshape(a.size), a.dtype.type(value))


def copy(what: Array, to: Array) -> None:
    """Copy from an array to another of its shape, both on the device."""
    if to.size:
        _copy[one_by_one(to.size)](to.reshape(to.size), what.reshape(to.size))


def add(to: Array, what: Array) -> None:
    """Add an array to another of its shape."""
    if to.size:
        _add[one_by_one(to.size)](to.reshape(to.size), what.reshape(to.size))


def put(what: Any, to: Array) -> None:
    """Copy from the host to an array of the same shape."""
    if to.size:
        to.copy_to_device(np.ascontiguousarray(what, to.dtype))


def taken(what: Host) -> Array:
    """Return a copy on the device of an array of the host."""
    return cuda.to_device(np.ascontiguousarray(what)) if what.size else Nothing(what.shape, what.dtype)


def host(a: Array) -> Host:
    """Return a copy on the host, once everything before it has been computed."""
    return np.asarray(a.copy_to_host()) if a.size else np.zeros(a.shape, a.dtype)


def some(a: Array, step: int) -> Host:
    """Return every so many elements of `a` (n,), on the host."""
    out = _empty(-(-len(a) // step), a.dtype)
    _some[one_by_one(len(out))](a, step, out)
    return host(out)


def overlap(a: Array, b: Array) -> bool:
    """Return whether two arrays begin at the same place."""
    return address(a) == address(b)


def address(a: Array) -> int:
    """Return where an array begins."""
    if SIMULATED:
        return int(a.ctypes.data)
    return int(a.device_ctypes_pointer.value or 0)


def instead(a: Array, other: Array) -> Array:
    """Return `a`, or `other`, of as many dimensions, where `a` has no elements: what is then not read."""
    return a if a.size else other
