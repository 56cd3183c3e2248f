"""The micro-kernel: C = A B for a tile of C that stays in vector registers while it walks over K.

B lies in panels, as wide as a tile, in the order in which they are read (`packed.py`); A is read where it lies, one
value broadcast to all lanes. One driver per precision lays the tiles over any M and N. It is compiled once for the
machine and registered as a symbol, so that the kernels call it by name, as they would a BLAS, and hold no copy of it.

Each element is summed in the order of K, whatever tile it falls into: a row's result does not depend on which rows are
beside it, nor on how many threads share them out.

Source of the method: Van Zee and van de Geijn 2015, BLIS, https://doi.org/10.1145/2764454.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, NamedTuple

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import register_jitable

from lstm_kernels.compile import SETTINGS, export, intrinsic

PRECISIONS: dict[str, np.dtype[Any]] = {
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
    "bfloat16": np.dtype(np.uint32),
}
"""What a packed word is: a number, or for bfloat16 two of them that follow each other in K."""

ROWS = (6, 4, 2, 1)
"""Heights of the tiles; with 6 rows of the widest, the sums, a row of B and one value of A fill the registers."""

WORD = types.intp
SYMBOL = "lstm_kernels_multiply"


class Registers(NamedTuple):
    """The vector registers that a tile is made for."""

    bytes: int
    """Of one vector."""
    widths: tuple[int, ...]
    """Vectors in a row of a tile, the widest first; the last is 1."""

    def columns(self, word_bytes: int) -> tuple[int, ...]:
        """Return the widths in words."""
        return tuple(vectors * self.bytes // word_bytes for vectors in self.widths)


REGISTERS = {
    "avx512": Registers(64, (4, 2, 1)),  # 32 registers
    "avx2": Registers(32, (2, 1)),  # 16
    "portable": Registers(16, (4, 2, 1)),  # 32 of NEON; elsewhere the compiler spills some
}

_features = llvmlite.binding.get_host_cpu_features()
TILES = os.environ.get("LSTM_KERNELS_TILES") or (
    "avx512" if _features.get("avx512f") else "avx2" if _features.get("avx2") and _features.get("fma") else "portable"
)
"""The kind of tiles in use; the environment variable is for tests of the others on one machine."""
HAS_BFLOAT16 = not SETTINGS.DISABLE_JIT and TILES == "avx512" and bool(_features.get("avx512bf16"))
"""Whether this processor multiplies pairs of bfloat16 and adds them up in float32."""


class _BFloat(ir.Type):
    """LLVM's bfloat, which llvmlite has no name for."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


@intrinsic
def bfloat16_bits(typingctx, x):
    """Return the bits of x, a float32, rounded to the nearest bfloat16."""

    def codegen(context, builder, sig, args):
        return builder.bitcast(builder.fptrunc(args[0], _BFloat()), ir.IntType(16))

    return signature(types.uint16, types.float32), codegen


SIDE = 16
"""Of the blocks that `transpose` takes."""


def _transpose(convert: bool) -> Any:
    """Return transpose(source, distance, target, column), which writes a block of SIDE rows of SIDE words transposed.

    convert   whether a word is made of two float32 of the source, rounded to bfloat16
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
            numbers = ir.VectorType(ir.FloatType(), 2 * SIDE) if convert else words

            def row_at(start, step, r, kind):
                address = builder.add(start, builder.mul(ir.Constant(word, r), step))
                return builder.inttoptr(address, kind.as_pointer())

            rows = [builder.load(row_at(source, distance, r, numbers), align=4) for r in range(SIDE)]
            if convert:
                halves = ir.VectorType(_BFloat(), 2 * SIDE)
                rows = [builder.bitcast(builder.fptrunc(row, halves), words) for row in rows]
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


transpose, transpose_pairs = _transpose(False), _transpose(True)


def _tile(precision: str, registers: Registers, rows: int, vectors: int) -> Any:
    """Return tile(A, row, column, B, K, C, ldc, add, live): C (rows, live) = A B or added to it.

    A, B, C      addresses; B is a panel (K, vectors), C has rows of ldc numbers
    row, column  words from one row of A to the next, and from one k to the next
    live         columns that are written, of the last vector only
    """
    word_bytes = PRECISIONS[precision].itemsize
    lanes = registers.bytes // word_bytes
    masked = vectors == 1

    @intrinsic
    def tile(typingctx, A, row, column, B, K, C, ldc, add, live):
        sig = signature(types.void, *[WORD] * 9)

        def codegen(context, builder, sig, args):
            A, row, column, B, K, C, ldc, add, live = args
            word, lane = A.type, ir.IntType(32)
            number = ir.DoubleType() if precision == "float64" else ir.FloatType()
            vector = ir.VectorType(number, lanes)
            element = ir.IntType(32) if precision == "bfloat16" else number
            read = ir.VectorType(element, lanes)
            every_lane = ir.Constant(ir.VectorType(lane, lanes), [0] * lanes)

            def fixed(value):
                return ir.Constant(word, value)

            def at(address, words):
                return builder.add(address, builder.mul(words, fixed(word_bytes)))

            def pointer(address, kind):
                return builder.inttoptr(address, kind.as_pointer())

            def call(name, result, *operands):
                kind = ir.FunctionType(result, [operand.type for operand in operands])
                return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), operands)

            def spread(value):
                first = builder.insert_element(ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined), value,
                                               ir.Constant(lane, 0))  # fmt: skip
                return builder.shuffle_vector(first, first, every_lane)

            def multiply_add(x, y, total):
                if precision != "bfloat16":
                    return call(f"llvm.fma.v{lanes}f{8 * word_bytes}", vector, x, y, total)
                pairs = ir.VectorType(_BFloat(), 2 * lanes)
                x, y = builder.bitcast(x, pairs), builder.bitcast(y, pairs)
                return call(f"llvm.x86.avx512bf16.dpbf16ps.{8 * registers.bytes}", vector, total, x, y)

            a_rows = [at(A, builder.mul(fixed(r), row)) for r in range(rows)]
            places = [
                pointer(at(C, builder.add(builder.mul(fixed(r), ldc), fixed(v * lanes))), vector)
                for r in range(rows)
                for v in range(vectors)
            ]
            zeros = ir.Constant(vector, [0.0] * lanes)
            name = f"v{lanes}f{64 if precision == 'float64' else 32}.p0"
            align = ir.Constant(lane, word_bytes)
            if masked:
                indices = ir.Constant(ir.VectorType(lane, lanes), list(range(lanes)))
                mask = builder.icmp_signed("<", indices, spread(builder.trunc(live, lane)))

            before, start = builder.block, builder.append_basic_block("start")
            load, loop = builder.append_basic_block("load"), builder.append_basic_block("k")
            after = builder.append_basic_block("done")
            builder.cbranch(builder.icmp_signed("!=", add, fixed(0)), load, start)
            builder.position_at_end(load)
            if masked:
                there = [call(f"llvm.masked.load.{name}", vector, place, align, mask, zeros) for place in places]
            else:
                there = [builder.load(place, align=word_bytes) for place in places]
            builder.branch(start)
            builder.position_at_end(start)
            begun = []
            for value in there:
                begun.append(builder.phi(vector))
                begun[-1].add_incoming(zeros, before)
                begun[-1].add_incoming(value, load)
            builder.branch(loop)

            builder.position_at_end(loop)
            k, sums = builder.phi(word), [builder.phi(vector) for _ in places]
            panel = at(B, builder.mul(k, fixed(vectors * lanes)))
            columns = [
                builder.load(pointer(at(panel, fixed(v * lanes)), read), align=word_bytes) for v in range(vectors)
            ]
            a_k = builder.mul(k, column)
            results = []
            for r in range(rows):
                value = spread(builder.load(pointer(at(a_rows[r], a_k), element)))
                results += [
                    multiply_add(value, y, total)
                    for y, total in zip(columns, sums[r * vectors : (r + 1) * vectors], strict=True)
                ]
            k_next = builder.add(k, fixed(1))
            for running, first, following in zip([k, *sums], [fixed(0), *begun], [k_next, *results], strict=True):
                running.add_incoming(first, start)
                running.add_incoming(following, loop)
            builder.cbranch(builder.icmp_signed("<", k_next, K), loop, after)

            builder.position_at_end(after)
            for place, result in zip(places, results, strict=True):
                if masked:
                    call(f"llvm.masked.store.{name}", ir.VoidType(), result, place, align, mask)
                else:
                    builder.store(result, place, align=word_bytes)
            return context.get_dummy_value()

        return sig, codegen

    return tile


def _column(precision: str, registers: Registers, vectors: int) -> Any:
    """Return a function that lays tiles of one width over all rows."""
    tile6, tile4, tile2, tile1 = (_tile(precision, registers, rows, vectors) for rows in ROWS)
    word_bytes = PRECISIONS[precision].itemsize

    def column(M, A, row, col, B, K, C, ldc, add, live):
        for _ in range(M // 6):
            tile6(A, row, col, B, K, C, ldc, add, live)
            A, C = A + 6 * row * word_bytes, C + 6 * ldc * word_bytes
        left = M % 6
        if left >= 4:
            tile4(A, row, col, B, K, C, ldc, add, live)
            A, C = A + 4 * row * word_bytes, C + 4 * ldc * word_bytes
            left -= 4
        if left >= 2:
            tile2(A, row, col, B, K, C, ldc, add, live)
            A, C = A + 2 * row * word_bytes, C + 2 * ldc * word_bytes
            left -= 2
        if left >= 1:
            tile1(A, row, col, B, K, C, ldc, add, live)

    return column


def _driver(precision: str, registers: Registers) -> Any:
    """Return the function behind `drive`."""
    wide, *between, narrow = (register_jitable(_column(precision, registers, v)) for v in registers.widths)
    middle, has_middle = (between[0], True) if between else (narrow, False)
    columns = registers.columns(PRECISIONS[precision].itemsize)
    width, half, least = columns[0], columns[-2], columns[-1]
    word_bytes = PRECISIONS[precision].itemsize

    def driver(M, N, K, A, row, col, B, depth, first, C, ldc, add):
        n = 0
        while N - n >= width:
            panel = B + (depth * n + first * width) * word_bytes
            wide(M, A, row, col, panel, K, C + n * word_bytes, ldc, add, width)
            n += width
        if has_middle:  # noqa: SIM102  (a constant, whose branch is left out when it is false)
            if N - n >= half:
                panel = B + (depth * n + first * half) * word_bytes
                middle(M, A, row, col, panel, K, C + n * word_bytes, ldc, add, half)
                n += half
        while N - n > 0:
            panel = B + (depth * n + first * least) * word_bytes
            narrow(M, A, row, col, panel, K, C + n * word_bytes, ldc, add, min(least, N - n))
            n += least

    return driver


@cache
def prepare(precision: str) -> np.dtype[Any]:
    """Have the driver of `precision` compiled and its name known, and return the dtype of its packed words.

    Raises ValueError where this processor cannot.
    """
    if precision == "bfloat16" and not HAS_BFLOAT16:
        raise ValueError("this processor has no bfloat16 products")
    if not SETTINGS.DISABLE_JIT:
        driver = _driver(precision, REGISTERS[TILES])
        export(f"{SYMBOL}_{precision}", driver, types.void(*[WORD] * 12), stamp=f"{precision} {TILES}")
    return PRECISIONS[precision]


def _call(precision: str) -> Any:
    @intrinsic
    def drive(typingctx, M, N, K, A, row, col, B, depth, first, C, ldc, add):
        def codegen(context, builder, sig, args):
            kind = ir.FunctionType(ir.VoidType(), [arg.type for arg in args])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, f"{SYMBOL}_{precision}"), args)
            return context.get_dummy_value()

        return signature(types.void, *[WORD] * 12), codegen

    return drive


drive = {precision: _call(precision) for precision in PRECISIONS}
"""drive[precision](M, N, K, A, row, col, B, depth, first, C, ldc, add): C (M, N) = A B or added to it, K > 0.

A, B, C    addresses
row, col   words from one row of A to the next, and from one k to the next
depth      words of the whole packed B in K; those from `first` on take part
ldc        numbers from one row of C to the next
add        0 or 1

K, depth, first, row and col count words: pairs of numbers for bfloat16.
"""
