"""Addresses, prefetching and transposing in LLVM code."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from lstm_kernels.cpu.microkernel.bfloat16 import paired, rounded
from lstm_kernels.cpu.microkernel.registers import PRECISIONS, REGISTERS, TILES
from lstm_kernels.numba_patches.codegen import cgutils, make_array, signature
from lstm_kernels.numba_patches.untyped import intrinsic

WORD = types.intp

SIDE = 16
"""Rows and columns of the blocks that `transpose` works on."""


def _transpose(pairs: str = "") -> Any:
    """Return transpose(source, distance, target, column), which writes a block of SIDE rows of SIDE words transposed.

    pairs     which two float32 of the source become one word of bfloat16: neighbours "across" a row, or "down" a
              column; "" where words are float32 themselves
    source    address of the block; distance bytes from one of its rows to the next
    target    address of the first word of the first column; column bytes from one column to the next

    Interleaving the rows with those half a block below, once for each bit of an index, turns rows into columns.
    """

    @intrinsic
    def transpose(typingctx, source, distance, target, column):
        def codegen(context, builder, sig, args):
            source, distance, target, column = args
            word, lane = source.type, ir.IntType(32)
            words = ir.VectorType(lane, SIDE)
            numbers = ir.VectorType(ir.FloatType(), 2 * SIDE if pairs == "across" else SIDE) if pairs else words

            def row_at(start, step, r, kind):
                address = builder.add(start, builder.mul(ir.Constant(word, r), step))
                return builder.inttoptr(address, kind.as_pointer())

            count = 2 * SIDE if pairs == "down" else SIDE
            rows = [builder.load(row_at(source, distance, r, numbers), align=4) for r in range(count)]
            if pairs == "across":
                rows = [builder.bitcast(rounded(builder, row), words) for row in rows]
            elif pairs == "down":
                rows = [paired(builder, even, odd) for even, odd in zip(rows[::2], rows[1::2], strict=True)]
            low = [at for k in range(SIDE // 2) for at in (k, k + SIDE)]
            interleave = [ir.Constant(words, [k + start for k in low]) for start in (0, SIDE // 2)]
            for _ in range(SIDE.bit_length() - 1):
                pairs_of_rows = zip(rows[: SIDE // 2], rows[SIDE // 2 :], strict=True)
                rows = [builder.shuffle_vector(a, b, order) for a, b in pairs_of_rows for order in interleave]
            for r, row in enumerate(rows):
                builder.store(row, row_at(target, column, r, words), align=4)
            return context.get_dummy_value()

        return signature(types.void, WORD, WORD, WORD, WORD), codegen

    return transpose


transpose, transpose_pairs, transpose_rows_of_pairs = _transpose(), _transpose("across"), _transpose("down")


@intrinsic
def address(typingctx, array, i, j):
    """Return the address of array[i, j], or of array[i * j] where the array has one dimension (i is 1 then).

    As array[i:, j:].ctypes.data, but slices take a tenth of a second to compile.
    """

    def codegen(context, builder, sig, args):
        word = args[1].type
        held = make_array(sig.args[0])(context, builder, args[0])
        strides = [*cgutils.unpack_tuple(builder, held.strides, sig.args[0].ndim)]
        offset = builder.mul(args[2], strides[-1])
        if len(strides) == 2:
            offset = builder.add(offset, builder.mul(args[1], strides[0]))
        return builder.add(builder.ptrtoint(held.data, word), offset)

    return signature(WORD, array, WORD, WORD), codegen


_BYTE = ir.IntType(8).as_pointer()


def prefetch_line(builder: ir.IRBuilder, place: ir.Value, *, write: bool = False, near: int = 3) -> None:
    """Prefetch the cache line at a pointer; `near` 3 is the first-level cache, 2 the second-level."""
    lane = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [_BYTE, lane, lane, lane])
    call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    how = [ir.Constant(lane, value) for value in (int(write), near, 1)]
    builder.call(call, [builder.bitcast(place, _BYTE), *how])


@intrinsic
def prefetch(typingctx, place):
    """Prefetch the cache line at an address."""

    def codegen(context, builder, sig, args):
        prefetch_line(builder, builder.inttoptr(args[0], _BYTE))
        return context.get_dummy_value()

    return signature(types.void, WORD), codegen


@intrinsic
def copy_words(typingctx, source, to, rows, distance, to_distance, count):
    """Copy `count` words of 4 bytes of each of `rows` rows, which begin distance and to_distance bytes apart."""

    def codegen(context, builder, sig, args):
        source, to, rows, distance, to_distance, count = args
        word = ir.IntType(32)

        def place(start, row, step, j):
            at = builder.add(start, builder.add(builder.mul(row, step), builder.mul(j, ir.Constant(j.type, 4))))
            return builder.inttoptr(at, word.as_pointer())

        with cgutils.for_range(builder, rows) as row, cgutils.for_range(builder, count) as column:
            value = builder.load(place(source, row.index, distance, column.index), align=4)
            builder.store(value, place(to, row.index, to_distance, column.index), align=4)
        return context.get_dummy_value()

    return signature(types.void, *[WORD] * 6), codegen


@intrinsic
def clear_words(typingctx, to, count):
    """Set words of 4 bytes to 0."""

    def codegen(context, builder, sig, args):
        place = builder.inttoptr(args[0], ir.IntType(8).as_pointer())
        cgutils.memset(builder, place, builder.mul(args[1], ir.Constant(args[1].type, 4)), 0)
        return context.get_dummy_value()

    return signature(types.void, WORD, WORD), codegen


def _pack_vector(precision: str) -> Any:
    """Return store(row, below, to), which packs a vector of numbers from address `row` to address `to` of a panel.

    For bfloat16 it packs pairs of the numbers at `row` and `below`.
    """
    number = ir.DoubleType() if precision == "float64" else ir.FloatType()
    count = REGISTERS[TILES].columns(PRECISIONS[precision].itemsize)[-1]

    @intrinsic
    def store(typingctx, row, below, to):
        def codegen(context, builder, sig, args):
            def read(address):
                return builder.load(builder.inttoptr(address, ir.VectorType(number, count).as_pointer()), align=4)

            values = read(args[0])
            if precision == "bfloat16":
                values = paired(builder, values, read(args[1]))
            builder.store(values, builder.inttoptr(args[2], values.type.as_pointer()), align=4)
            return context.get_dummy_value()

        return signature(types.void, WORD, WORD, WORD), codegen

    return store


pack_vector = {precision: _pack_vector(precision) for precision in PRECISIONS}
