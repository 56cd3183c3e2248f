"""Compiled code as bytes. Tested with Numba 0.68.1.

Numba's cache writes them with a class that is not public either (`numba.core.caching.CompileResultCacheImpl`) and ties
them to its own index files.
"""

from __future__ import annotations

import pickle
from typing import Any

from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

PRIVATE = (
    "numba.core.compiler.CompileResult._rebuild",
    "numba.core.compiler.CompileResult._reduce",
    "numba.core.serialize.dumps",
    "numba.core.codegen.CPUCodegen.magic_tuple",
    "numba.core.codegen.CodeLibrary.has_dynamic_globals",
)


def is_portable(result: Any) -> bool:
    """Return whether another process can use a result: it holds no address of this one."""
    return not result.library.has_dynamic_globals


def to_bytes(result: Any) -> bytes:
    """Return a compile result as bytes."""
    return dumps(result._reduce())


def from_bytes(target_context: Any, payload: bytes) -> Any:
    """Return the compile result again. Raises anything where `payload` is not one."""
    return CompileResult._rebuild(target_context, *pickle.loads(payload))


def target_key(target_context: Any) -> tuple[Any, ...]:
    """Return the processor and its features, which compiled code depends on."""
    return target_context.codegen().magic_tuple()
