"""C = A B in bfloat16 on the tile unit: the function behind `driver.drive["bfloat16"]` where that unit is in use.

Four tiles hold a block of 32 x 32 sums, two hold A and two hold B: four products for four loads. A and B lie as for
vectors: a row of A is its words, and a panel of B as wide as 16, 32 or 64 columns is its rows of words, so that a tile
of either is 16 rows at some distance. Words of K that fill no tile are copied beside zeros, and what a tile has beyond
the last row or column is computed and thrown away.

Each element begins with what is added to it, then has the sums of 16 pairs each, in the order of K, in whichever tile
it lies: a row's result depends neither on the rows beside it nor on the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.extending import register_jitable

from lstm_kernels.cpu.arrays import CACHE_LINE
from lstm_kernels.cpu.microkernel.memory import WORD, clear_words, copy_words
from lstm_kernels.cpu.microkernel.registers import REGISTERS
from lstm_kernels.cpu.microkernel.tile_unit import SIDE, STATE_BYTES, TILE_BYTES, Instructions
from lstm_kernels.numba_patches.codegen import signature
from lstm_kernels.numba_patches.untyped import intrinsic

ROW_BYTES = SIDE * 4
"""Of a tile's row in a copy."""
MAX_ROWS = REGISTERS["avx512"].block
"""Rows of A that a call may have, a multiple of 32."""
PLACES = {"block": STATE_BYTES, "right": STATE_BYTES + 4 * TILE_BYTES, "left": STATE_BYTES + 6 * TILE_BYTES}
"""Where a call keeps, behind the twin's tiles, the sums of less than a block and the last words of a panel and of A."""
SPACE = PLACES["left"] + MAX_ROWS * ROW_BYTES


@intrinsic
def _space(typingctx):
    """Return the address of SPACE bytes, aligned to a cache line, which last until the function returns."""

    def codegen(context, builder, sig, args):
        word = context.get_value_type(WORD)
        with builder.goto_entry_block():  # alloca_once would set each byte to 0, and take minutes to compile
            held = builder.alloca(ir.ArrayType(ir.IntType(8), SPACE + CACHE_LINE))
        last = builder.add(builder.ptrtoint(held, word), ir.Constant(word, CACHE_LINE - 1))
        return builder.and_(last, ir.Constant(word, -CACHE_LINE))

    return signature(WORD), codegen


def tile_driver(instructions: Instructions, widths: Sequence[int]) -> Any:
    """Return driver(M, N, K, A, row, B, depth, first, C, ldc, plus, ldp), as `driver.drive` describes it.

    widths  of the panels of B in words: 64, 32 and 16

    M is at most MAX_ROWS, and A may be read up to a multiple of 16 rows.
    """
    begin, end = instructions.begin, instructions.end
    clear0, clear1, clear2, clear3 = map(instructions.clear, range(4))
    load0, load1, load2, load3, load4, load5, load6, load7 = map(instructions.load, range(8))
    store0, store1, store2, store3 = map(instructions.store, range(4))
    multiply0, multiply1 = instructions.multiply(0, 4, 6), instructions.multiply(1, 4, 7)
    multiply2, multiply3 = instructions.multiply(2, 5, 6), instructions.multiply(3, 5, 7)
    block_at, right_at, left_at = PLACES["block"], PLACES["right"], PLACES["left"]
    wide, half, least = widths

    @register_jitable
    def start(space, plus, distance):
        """Fill the four tiles of sums with what is added, its rows `distance` bytes apart; with 0 where it is 0."""
        if plus == 0:
            clear0(space)
            clear1(space)
            clear2(space)
            clear3(space)
        else:
            below = plus + SIDE * distance
            load0(space, plus, distance)
            load1(space, plus + ROW_BYTES, distance)
            load2(space, below, distance)
            load3(space, below + ROW_BYTES, distance)

    @register_jitable
    def finish(space, C, distance):
        """Write the four tiles of sums."""
        below = C + SIDE * distance
        store0(space, C, distance)
        store1(space, C + ROW_BYTES, distance)
        store2(space, below, distance)
        store3(space, below + ROW_BYTES, distance)

    @register_jitable
    def block(space, m, A, row, panel, distance, steps, tail, C, ldc, plus, ldp, rows, columns):
        """Compute up to 32 x 32 elements of C, from row m on. What C has less than that is computed in a copy."""
        has_below, has_right, is_whole = rows > SIDE, columns > SIDE, rows == 2 * SIDE and columns == 2 * SIDE
        copy = space + block_at
        if plus != 0 and not is_whole:
            copy_words(plus, copy, rows, 4 * ldp, 2 * ROW_BYTES, columns)
            start(space, copy, 2 * ROW_BYTES)
        else:
            start(space, plus, 4 * ldp)
        above, row_bytes, left, right_distance = A + 4 * m * row, 4 * row, panel, distance
        for k in range(steps + (tail > 0)):
            if k == steps:  # the last words of K, beside zeros
                above, row_bytes = space + left_at + m * ROW_BYTES, ROW_BYTES
                left, right_distance = space + right_at, 2 * ROW_BYTES
            load4(space, above, row_bytes)
            load6(space, left, right_distance)
            multiply0(space)
            if has_right:
                load7(space, left + ROW_BYTES, right_distance)
                multiply1(space)
            if has_below:
                load5(space, above + SIDE * row_bytes, row_bytes)
                multiply2(space)
                if has_right:
                    multiply3(space)
            above, left = above + ROW_BYTES, left + SIDE * distance
        if is_whole:
            finish(space, C, 4 * ldc)
        else:
            finish(space, copy, 2 * ROW_BYTES)
            copy_words(copy, C, rows, 2 * ROW_BYTES, 4 * ldc, columns)

    def driver(M, N, K, A, row, B, depth, first, C, ldc, plus, ldp):
        space, steps, tail = _space(), K // SIDE, K % SIDE
        begin(space)
        if tail > 0:
            clear_words(space + left_at, M * SIDE)
            copy_words(A + 4 * steps * SIDE, space + left_at, M, 4 * row, ROW_BYTES, tail)
        n = 0
        while n < N:
            width = wide if N - n >= wide else half if N - n >= half else least
            distance = 4 * width
            panel = B + 4 * (depth * n + first * width)
            for j in range(0, min(width, N - n), 2 * SIDE):
                columns, here = min(2 * SIDE, width - j, N - n - j), panel + 4 * j
                if tail > 0:
                    clear_words(space + right_at, 2 * SIDE * SIDE)
                    last = here + steps * SIDE * distance
                    copy_words(last, space + right_at, tail, distance, 2 * ROW_BYTES, min(2 * SIDE, width))
                for m in range(0, M, 2 * SIDE):
                    to = C + 4 * (m * ldc + n + j)
                    add = plus + 4 * (m * ldp + n + j) if plus != 0 else 0
                    rows = min(2 * SIDE, M - m)
                    block(space, m, A, row, here, distance, steps, tail, to, ldc, add, ldp, rows, columns)
            n += width
        end(space)

    return driver
