"""Kernels for a GPU that are kept once compiled, in the folder of those for the processor (`compile.cache_in`)."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba.core import types
from numba.core.serialize import dumps

from lstm_kernels import cache_file
from lstm_kernels.jit import digest, entry


def _digest() -> str:
    """Name the state of what is only compiled for a GPU; the rest the folder's name has."""
    return digest(Path(__file__).parent.rglob("*.py"))


_SOURCES = _digest()
"""Taken before kernels are imported: what is compiled is kept as long as the sources are still these."""


def closure(value: Any) -> Any:
    """Return what a kernel closes over as text that is the same in each process. Raises TypeError for what has none."""
    if isinstance(value, tuple):
        return [closure(one) for one in value]
    if isinstance(value, np.generic | int | float | str | bool | None | types.Type):
        return repr(value)
    function = getattr(value, "py_func", value)  # of another kernel, or of what is inlined
    if not hasattr(function, "__qualname__"):
        raise TypeError(f"a kernel must not close over {value!r}")
    cells = getattr(function, "__closure__", None) or ()
    return [function.__module__, function.__qualname__, [closure(cell.cell_contents) for cell in cells]]


class KernelCache:
    """One kernel's compiled versions, a file each; it stands where Numba has its own, which does not see closures.

    Whatever is wrong with a file, or with writing one, only costs a compilation.
    """

    cache_path = None

    def __init__(self, function: Callable[..., Any], target: Callable[[], object]) -> None:
        """`target` returns what the GPU and the compiler are."""
        self._function, self._target = function, target

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what was compiled for `sig`, or None."""
        path = self._path(sig)
        payload = None if path is None else cache_file.read(path)
        if payload is None:
            return None
        try:
            kind, states = pickle.loads(payload)
            return kind._rebuild(**states)
        except Exception:
            return None

    def save_overload(self, sig: Any, kernel: Any) -> None:
        """Keep a kernel."""
        path = self._path(sig)
        if path is None or _digest() != _SOURCES:
            return
        try:
            payload = dumps((type(kernel), kernel._reduce_states()))
        except Exception:
            return
        cache_file.write(path, payload)

    def _path(self, sig: Any) -> Path | None:
        name = f"{self._function.__module__}.{self._function.__qualname__}"
        return entry(name, (_SOURCES, closure(self._function), str(sig), self._target()))
