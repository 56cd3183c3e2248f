"""Twin of `cpu.arrays`: arrays in the memory of a GPU, allocated, filled and copied."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_kernels.cuda.launch import SIMULATED, Array, cuda, elementwise_grid, kernel

HostArray = np.ndarray[Any, Any]


class EmptyArray:
    """An array without elements, which a GPU cannot allocate. Kernels get another array in its place."""

    nbytes = size = 0

    def __init__(self, shape: Any, dtype: Any) -> None:
        # Of one byte, whatever its shape: only the shape is read.
        self._like = np.broadcast_to(np.zeros((), np.int8), shape)
        self.dtype = np.dtype(dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._like.shape

    def __len__(self) -> int:
        return len(self._like)

    def __getitem__(self, item: Any) -> EmptyArray:
        return EmptyArray(self._like[item].shape, self.dtype)

    def reshape(self, *shape: Any) -> EmptyArray:
        return EmptyArray(self._like.reshape(*shape).shape, self.dtype)


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
def _take_strided(a, step, out):
    for n in range(cuda.grid(1), out.shape[0], cuda.gridsize(1)):
        out[n] = a[n * step]


def zeros(shape: Any, dtype: Any) -> Array:
    """Return an array of zeros. Raises MemoryError where the GPU's memory is too small."""
    a = _empty(shape, dtype)
    fill(a, 0)
    return a


def _empty(shape: Any, dtype: Any) -> Array:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if 0 in shape:
        return EmptyArray(shape, dtype)
    try:
        return cuda.device_array(shape, np.dtype(dtype))
    except Exception as error:
        if "OUT_OF_MEMORY" in str(error).upper():
            raise MemoryError(f"{np.dtype(dtype).itemsize * int(np.prod(shape))} bytes on the GPU") from error
        raise


def view(flat: Array, start: int, shape: tuple[int, ...]) -> Array:
    """Return a view of `flat` (n,) from `start` on, in `shape`."""
    size = int(np.prod(shape))
    return flat[start : start + size].reshape(shape) if size else EmptyArray(shape, flat.dtype)


def fill(a: Array, value: float, threads: int = 1) -> None:
    """Set every element."""
    if a.size:
        _fill[elementwise_grid(a.size)](a.reshape(a.size), a.dtype.type(value))


def copy(source: Array, target: Array) -> None:
    """Copy to an array of the same shape; both are on the device."""
    if target.size:
        _copy[elementwise_grid(target.size)](target.reshape(target.size), source.reshape(target.size))


def add(target: Array, values: Array) -> None:
    """Add an array of the same shape."""
    if target.size:
        _add[elementwise_grid(target.size)](target.reshape(target.size), values.reshape(target.size))


def copy_to_device(source: Any, target: Array) -> None:
    """Copy from the host to an array of the same shape on the device."""
    if target.size:
        target.copy_to_device(np.ascontiguousarray(source, target.dtype))


def to_device(a: HostArray) -> Array:
    """Return a copy on the device of an array of the host."""
    return cuda.to_device(np.ascontiguousarray(a)) if a.size else EmptyArray(a.shape, a.dtype)


def to_host(a: Array) -> HostArray:
    """Return a copy on the host; waits for the kernels that write to `a`."""
    return np.asarray(a.copy_to_host()) if a.size else np.zeros(a.shape, a.dtype)


def to_host_strided(a: Array, step: int) -> HostArray:
    """Return a copy of every `step`-th element of `a` (n,) on the host."""
    out = _empty(-(-len(a) // step), a.dtype)
    _take_strided[elementwise_grid(len(out))](a, step, out)
    return to_host(out)


def overlap(a: Array, b: Array) -> bool:
    """Return whether two arrays begin at the same address."""
    return address(a) == address(b)


def address(a: Array) -> int:
    """Return the address of the first element."""
    if SIMULATED:
        return int(a.ctypes.data)
    return int(a.device_ctypes_pointer.value or 0)


def non_empty(a: Array, substitute: Array) -> Array:
    """Return `a`, or where it has no elements an array of as many dimensions, which the kernel then does not read."""
    return a if a.size else substitute
