"""A product of a few rows with columns that a block holds in shared memory, for the persistent recurrence.

    weights  (quads, columns, 4)   stay for all steps: four terms of the sum, a quad, are adjacent
    tile     (depth, rows + 1, 4)  the rows, `depth` quads at a time; the extra row avoids bank conflicts
    partial  (groups, rows, columns)

A thread computes one column over the quads of its group: it reads four weights at once, then four numbers of each row,
which all threads of a group share, and sums in registers. The sums of groups are added last, always in the same order.
The cost is about five reads of shared memory for 16 multiply-adds at four rows, and 17 for 64 at sixteen.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from lstm_kernels.cuda.launch import SIMULATED, inlined
from lstm_kernels.cuda.ptx import load4

UNITS, THREADS = (2, 8) if SIMULATED else (8, 256)
"""Units and threads of a block."""
MAX_ROWS = 4 if SIMULATED else 32
"""Rows of a block at most: each needs a register of every thread, and a thread for each unit."""
MIN_DEPTH = 2 if SIMULATED else 64
"""Quads of the tile at least: with fewer, threads wait for memory more than they compute."""
READ_AHEAD = 2 if SIMULATED else 32
"""Numbers that a thread has in flight from global memory, about: each takes some 700 cycles to arrive."""


class Layout(NamedTuple):
    """Offsets in a block's shared memory, in elements; the weights come first."""

    depth: int
    """Quads of a row in the tile."""
    tile: int
    partial: int
    size: int


def layout(terms: int, columns: int, rows: int, room: int) -> Layout | None:
    """Return the layout for sums of `terms` terms in `room` elements; None where they do not fit."""
    quads = -(-terms // 4)
    tile, sums = quads * columns * 4, THREADS * rows
    depth = min(quads, (room - tile - sums) // (4 * (rows + 1)))
    if depth < min(quads, MIN_DEPTH):
        return None
    partial = tile + depth * (rows + 1) * 4
    return Layout(depth, tile, partial, partial + sums)


def groups(columns: int) -> int:
    """Return the number of threads that share a column."""
    return THREADS // columns


def ahead(rows: int) -> int:
    """Return the number of terms of each row that a thread reads ahead."""
    return max(1, min(4, READ_AHEAD // rows))


class BlockProduct(NamedTuple):
    """Functions that all threads of a block call, with a barrier after fill, multiply and store_partial."""

    fill: Any
    """fill(buffer, n, space, tile, top, first, last, source, start, low, B, shift, limit), as thread `n`: copy terms
    `first` to `last` of each row into the tile, whose first quad is number `top`.

    Rows are start + low, start + low + 1, and so on, of `source`, those below start + B; missing rows repeat the last.
    Term k is in column k - shift; terms from `limit` on repeat the last and have weights of 0. `buffer` holds what is
    read ahead.
    """
    multiply: Any
    """multiply(total, space, top, tile, here, column, group): add to `total`, for each row, the products of `here`
    quads from number `top` on, whose terms are in the tile."""
    store_partial: Any
    """store_partial(total, space, partial, column, group): write them for the other threads."""
    add_up: Any
    """add_up(space, partial, row, column): return the sum."""


@cache
def product_of(rows: int, columns: int, number: Any) -> BlockProduct:
    """Return the functions for a product of `rows` rows and `columns` columns, to be inlined."""
    together, terms = groups(columns), ahead(rows)

    @inlined
    def fill(buffer, n, space, tile, top, first, last, source, start, low, B, shift, limit):
        for begin in range(first + n, last, terms * THREADS):
            for a in range(terms):
                k = min(begin + a * THREADS, limit - 1) - shift
                for row in range(rows):
                    buffer[a * rows + row] = source[start + min(low + row, B - 1), k]
            for a in range(terms):
                k = begin + a * THREADS
                if k < last:
                    at = tile + (k // 4 - top) * (rows + 1) * 4 + k % 4
                    for row in range(rows):
                        space[at + row * 4] = buffer[a * rows + row]

    @inlined
    def multiply(total, space, top, tile, here, column, group):
        for q in range(group, here, together):
            w0, w1, w2, w3 = load4(space, ((top + q) * columns + column) * 4)
            at = tile + q * (rows + 1) * 4
            for row in range(rows):
                x0, x1, x2, x3 = load4(space, at + row * 4)
                total[row] = (((total[row] + w0 * x0) + w1 * x1) + w2 * x2) + w3 * x3

    @inlined
    def store_partial(total, space, partial, column, group):
        if group < together:
            for row in range(rows):
                space[partial + (group * rows + row) * columns + column] = total[row]

    @inlined
    def add_up(space, partial, row, column):
        found = number(0)
        for group in range(together):
            found += space[partial + (group * rows + row) * columns + column]
        return found

    return BlockProduct(fill, multiply, store_partial, add_up)
