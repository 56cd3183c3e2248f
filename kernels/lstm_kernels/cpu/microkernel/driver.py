"""Tiles over the whole of C = A B: one function for each precision, which kernels call as they would a BLAS.

B is packed in panels as wide as a tile, in the order in which they are read (`packing`); A is read in place, one value
broadcast to all lanes. The function is compiled once for the machine and exported as a symbol, so that kernels call it
by name and hold no copy of it.

Each element is summed in the order of K, in whichever tile it lies: a row's result depends neither on the rows beside
it nor on the number of threads.

Source of the method: Van Zee and van de Geijn 2015, BLIS, https://doi.org/10.1145/2764454.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import register_jitable

from lstm_kernels.cpu.arrays import CACHE_LINE
from lstm_kernels.cpu.microkernel import tile_unit
from lstm_kernels.cpu.microkernel.memory import WORD
from lstm_kernels.cpu.microkernel.registers import HAS_BFLOAT16, PRECISIONS, REGISTERS, ROWS, TILES, UNIT, Registers
from lstm_kernels.cpu.microkernel.tile import tile_of
from lstm_kernels.cpu.microkernel.tile_driver import tile_driver
from lstm_kernels.jit import export_symbol
from lstm_kernels.numba_patches.codegen import cgutils, signature
from lstm_kernels.numba_patches.untyped import SETTINGS, intrinsic

SYMBOL = "lstm_kernels_multiply"


def _column(precision: str, registers: Registers, vectors: int) -> Any:
    """Return a function that lays tiles of one width over all rows."""
    max_rows = ROWS[precision]
    # Where tiles have fewer rows, the highest takes the place of those that are never reached.
    tile1, tile2, tile3, tile4, tile5, tile6 = (
        tile_of(precision, registers, min(rows, max_rows), vectors) for rows in range(1, 7)
    )
    word_bytes = PRECISIONS[precision].itemsize

    def column(M, A, row, B, K, C, ldc, plus, ldp, live, following):
        tiles = (M + max_rows - 1) // max_rows
        rows, higher = M // tiles, M % tiles
        for n in range(tiles):
            height = rows + 1 if n < higher else rows
            ahead = following + n * K * CACHE_LINE if n < vectors else B
            if height == 6:
                tile6(A, row, B, K, C, ldc, plus, ldp, live, ahead)
            elif height == 5:
                tile5(A, row, B, K, C, ldc, plus, ldp, live, ahead)
            elif height == 4:
                tile4(A, row, B, K, C, ldc, plus, ldp, live, ahead)
            elif height == 3:
                tile3(A, row, B, K, C, ldc, plus, ldp, live, ahead)
            elif height == 2:
                tile2(A, row, B, K, C, ldc, plus, ldp, live, ahead)
            else:
                tile1(A, row, B, K, C, ldc, plus, ldp, live, ahead)
            A, C = A + height * row * word_bytes, C + height * ldc * word_bytes
            if plus != 0:
                plus += height * ldp * word_bytes

    return column


def _driver(precision: str, registers: Registers) -> Any:
    """Return the function behind `drive`."""
    wide, *between, narrow = (register_jitable(_column(precision, registers, v)) for v in registers.widths)
    middle, has_middle = (between[0], True) if between else (narrow, False)
    columns = registers.columns(PRECISIONS[precision].itemsize)
    width, half, least = columns[0], columns[-2], columns[-1]
    word_bytes = PRECISIONS[precision].itemsize

    def driver(M, N, K, A, row, B, depth, first, C, ldc, plus, ldp):
        n = 0
        while N - n >= width:
            panel = B + (depth * n + first * width) * word_bytes
            to_add = plus + n * word_bytes if plus != 0 else 0
            wide(M, A, row, panel, K, C + n * word_bytes, ldc, to_add, ldp, width, panel + depth * width * word_bytes)
            n += width
        if has_middle:  # noqa: SIM102  (a constant, whose branch is left out when it is false)
            if N - n >= half:
                panel = B + (depth * n + first * half) * word_bytes
                to_add = plus + n * word_bytes if plus != 0 else 0
                middle(M, A, row, panel, K, C + n * word_bytes, ldc, to_add, ldp, half, panel)
                n += half
        while N - n > 0:
            panel = B + (depth * n + first * least) * word_bytes
            to_add = plus + n * word_bytes if plus != 0 else 0
            narrow(M, A, row, panel, K, C + n * word_bytes, ldc, to_add, ldp, min(least, N - n), panel)
            n += least

    return driver


def _tile_driver() -> Any:
    """Return the function behind `drive` on the tile unit, or its twin."""
    instructions = tile_unit.unit() if UNIT == "tiles" else tile_unit.twin()
    return tile_driver(instructions, REGISTERS[TILES].columns(PRECISIONS["bfloat16"].itemsize))


@cache
def prepare(precision: str) -> np.dtype[Any]:
    """Compile and export the driver of `precision`, and return the dtype of its packed words.

    Raises ValueError for bfloat16 where Numba does not compile.
    """
    if precision == "bfloat16" and not HAS_BFLOAT16:
        raise ValueError("bfloat16 products need compiled code, and NUMBA_DISABLE_JIT is set")
    if not SETTINGS.DISABLE_JIT:
        on_tiles = precision == "bfloat16" and UNIT != "vectors"
        driver = _tile_driver() if on_tiles else _driver(precision, REGISTERS[TILES])
        stamp = f"{precision} {TILES} {UNIT if on_tiles else 'vectors'}"
        export_symbol(f"{SYMBOL}_{precision}", driver, types.void(*[WORD] * 12), stamp=stamp)
    return PRECISIONS[precision]


def _call(precision: str) -> Any:
    @intrinsic
    def drive(typingctx, M, N, K, A, row, B, depth, first, C, ldc, plus, ldp):
        def codegen(context, builder, sig, args):
            kind = ir.FunctionType(ir.VoidType(), [arg.type for arg in args])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, f"{SYMBOL}_{precision}"), args)
            return context.get_dummy_value()

        return signature(types.void, *[WORD] * 12), codegen

    return drive


drive = {precision: _call(precision) for precision in PRECISIONS}
"""drive[precision](M, N, K, A, row, B, depth, first, C, ldc, plus, ldp): C (M, N) = A B + plus.

A, B, C  addresses
row      words from one row of A to the next
depth    words of the whole packed B in K; those from `first` on take part
ldc      numbers from one row of C to the next
plus     address of what is added: C itself or a bias; 0 for none
ldp      numbers from one row of it to the next; 0 for a bias

K, depth, first and row count words: pairs of numbers for bfloat16.
"""
