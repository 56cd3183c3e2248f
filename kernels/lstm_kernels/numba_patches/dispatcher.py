"""A compiled function with a cache of ours, and C functions. Tested with Numba 0.68.1.

The cache of `numba.njit(cache=True)` goes by the function's own file: it does not see an edit in another file, nor a
changed option. Numba has no interface for another cache, so `_cache` of the compiled function is replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core.caching import _Cache
from numba.core.ccallback import CFunc
from numba.core.registry import CPUDispatcher

PRIVATE = (
    "numba.core.caching._Cache",
    "numba.core.ccallback.CFunc.compile",
    "numba.core.registry.CPUDispatcher",
    "numba.core.dispatcher.Dispatcher.typeof_pyval",
)

Cache = _Cache
"""The base class of caches."""
Dispatcher = CPUDispatcher
"""A compiled function."""


def set_cache(compiled: Any, cache: Cache) -> None:
    """Let a compiled function load and save its code by `cache`."""
    compiled._cache = cache


def target_context(compiled: Any) -> Any:
    """Return what a compiled function is compiled for."""
    return compiled.targetctx


def argument_types(compiled: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the types that a compiled function sees in `args`."""
    return tuple(compiled.typeof_pyval(value) for value in args)


def c_function(function: Callable[..., Any], signature: Any, cache: Cache) -> CFunc:
    """Return `function` compiled as C would, from `cache` if it is there; `address` is where it begins."""
    compiled: Any = CFunc(function, (signature.args, signature.return_type), {}, {"error_model": "numpy"})
    compiled._cache = cache
    compiled.compile()
    return compiled
