"""The cache of kernels for a GPU, in the folder of those for the processor (`jit.set_cache_folder`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import types

from lstm_kernels import cache_file
from lstm_kernels.jit import cache_path, source_digest
from lstm_kernels.numba_patches import cuda_kernels


def _digest() -> str:
    """Return a digest of the sources that are compiled for a GPU alone; the folder's name covers the rest."""
    return source_digest(Path(__file__).parent.rglob("*.py"))


_SOURCES = _digest()
"""Taken before kernels are imported; code is saved only while the sources still have this digest."""


def closure(value: Any) -> Any:
    """Return what a kernel closes over as text that is the same in each process. Raises TypeError for other values."""
    if isinstance(value, tuple):
        return [closure(item) for item in value]
    if isinstance(value, np.generic | int | float | str | bool | None | types.Type):
        return repr(value)
    function = getattr(value, "py_func", value)  # of another kernel, or of an inlined function
    if not hasattr(function, "__qualname__"):
        raise TypeError(f"a kernel must not close over {value!r}")
    cells = getattr(function, "__closure__", None) or ()
    return [function.__module__, function.__qualname__, [closure(cell.cell_contents) for cell in cells]]


class KernelCache:
    """One kernel's compiled versions, a file each, in place of Numba's cache, which does not see closures.

    A damaged file, or one that cannot be written, only costs a compilation.
    """

    cache_path = None

    def __init__(self, function: Callable[..., Any], target: Callable[[], object]) -> None:
        """`target` returns the GPU's architecture and the compiler."""
        self._function, self._target = function, target

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the kernel for `sig`, or None."""
        path = self._path(sig)
        payload = None if path is None else cache_file.read(path)
        if payload is None:
            return None
        try:
            return cuda_kernels.from_bytes(payload)
        except Exception:
            return None

    def save_overload(self, sig: Any, kernel: Any) -> None:
        """Save a kernel."""
        path = self._path(sig)
        if path is None or _digest() != _SOURCES:
            return
        try:
            payload = cuda_kernels.to_bytes(kernel)
        except Exception:
            return
        cache_file.write(path, payload)

    def _path(self, sig: Any) -> Path | None:
        name = f"{self._function.__module__}.{self._function.__qualname__}"
        return cache_path(name, (_SOURCES, closure(self._function), str(sig), self._target()))
