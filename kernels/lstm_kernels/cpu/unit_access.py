"""Reading and writing the values of a unit, with the promise that arrays of different kinds do not overlap.

The loop over units reads and writes up to twenty rows. Without the promise LLVM compares the addresses of all pairs
before it enters the loop with vectors: at 128 units that was a quarter to a half of a layer's time. The promise is
scoped alias metadata, https://llvm.org/docs/LangRef.html#noalias-and-alias-scope-metadata. It holds among these
accesses alone: any other load or store may still reach the same memory.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from numba import types

from lstm_kernels.cell_table import CELLS
from lstm_kernels.cells.access import Access, access_of
from lstm_kernels.jit import inlined
from lstm_kernels.numba_patches.codegen import cgutils, make_array, signature
from lstm_kernels.numba_patches.untyped import SETTINGS, intrinsic

KINDS = ("gates", "recurrent", "saved", "unit", "memory", "dmemory", "sums", "h", "dh", "dh_above")
"""What a row may hold. Values k of a kind are one scope at all steps: h_{t-1} and h_t may be the same memory."""
MAX_VALUES = 8
"""Of a unit, in one array."""


def _scopes(module: Any, kind: str, k: int) -> dict[str, Any]:
    """Return the metadata of an access to value k of a kind: its scope, and all the others, which it does not reach."""
    domain = module.add_metadata(["lstm_kernels"])
    names = [(other, number) for other in KINDS for number in range(MAX_VALUES)]
    scopes = {(other, number): module.add_metadata([f"{other} {number}", domain]) for other, number in names}
    own = scopes.pop((kind, k))
    return {"alias.scope": module.add_metadata([own]), "noalias": module.add_metadata([*scopes.values()])}


def _element(context: Any, builder: Any, kind: Any, row: Any, k: Any, j: Any) -> Any:
    """Return the pointer to [j] of a row of one dimension, or to [k, j] of a block."""
    array = make_array(kind)(context, builder, row)
    shape, strides = (cgutils.unpack_tuple(builder, x, kind.ndim) for x in (array.shape, array.strides))
    indices = (j,) if kind.ndim == 1 else (k, j)
    return cgutils.get_item_pointer2(
        context, builder, array.data, shape, strides, kind.layout, indices, wraparound=False
    )


@cache
def load_of(kind: str, k: int) -> Any:
    """Return load(row, j): element [j] of a row (H,), or [k, j] of a block (K, H)."""

    @intrinsic
    def load_at(typingctx, row, k_, j):
        def codegen(context, builder, sig, args):
            value = builder.load(_element(context, builder, sig.args[0], *args))
            for name, scopes in _scopes(builder.module, kind, k).items():
                value.set_metadata(name, scopes)
            return value

        return signature(row.dtype, row, types.intp, types.intp), codegen

    @inlined
    def load(row, j):
        return load_at(row, k, j)

    return load


@cache
def store_of(kind: str, k: int) -> Any:
    """Return store(row, j, value), to the element that `load_of` reads."""

    @intrinsic
    def store_at(typingctx, row, k_, j, value):
        def codegen(context, builder, sig, args):
            written = builder.store(args[3], _element(context, builder, sig.args[0], *args[:3]))
            for name, scopes in _scopes(builder.module, kind, k).items():
                written.set_metadata(name, scopes)
            return context.get_dummy_value()

        return signature(types.void, row, types.intp, types.intp, row.dtype), codegen

    @inlined
    def store(row, j, value):
        store_at(row, k, j, value)

    return store


if SETTINGS.DISABLE_JIT:  # plain indexing, for a debugger

    def load_of(kind: str, k: int) -> Any:  # type: ignore[misc]
        return lambda row, j: row[j] if row.ndim == 1 else row[k, j]

    def store_of(kind: str, k: int) -> Any:  # type: ignore[misc]
        def store(row, j, value):
            row[j if row.ndim == 1 else (k, j)] = value

        return store


@cache
def access(cell_name: str) -> Access:
    """Return the functions that access the values of a unit in blocks (K, H)."""

    def load(kind: str, k: int) -> Any:
        element = load_of(kind, k)

        @inlined
        def read(block, row, j, H):
            return element(block, j)

        return read

    def store(kind: str, k: int) -> Any:
        element = store_of(kind, k)

        @inlined
        def write(block, row, j, H, value):
            element(block, j, value)

        return write

    return access_of(CELLS[cell_name], inlined, load, store)


load_h, store_h = load_of("h", 0), store_of("h", 0)
load_dh, store_dh, load_dh_above = load_of("dh", 0), store_of("dh", 0), load_of("dh_above", 0)
