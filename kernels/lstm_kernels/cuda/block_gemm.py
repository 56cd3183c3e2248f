"""A product of a few rows with columns that a block holds in its shared memory, for the walk over time.

    weights  (quads, columns, 4)   held all the way: four terms of the sum, a quad, lie together
    tile     (depth, rows + 1, 4)  the rows, `depth` quads of them at a time; the one too many keeps banks apart
    partial  (groups, rows, columns)

A thread has one column and, with the others of its group, every so many quads: it reads four weights at once, then four
numbers of each row, which all threads of a group read alike, and adds up in registers. Sums of groups are added last,
always in the same order. What it costs is about five reads of shared memory for 16 multiply-adds at four rows, and 17
for 64 at sixteen.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from lstm_kernels.cuda.launch import SIMULATED, inlined
from lstm_kernels.cuda.ptx import load4

UNITS, THREADS = (2, 8) if SIMULATED else (8, 256)
"""Units and threads of a block."""
MAX_ROWS = 4 if SIMULATED else 32
"""Rows of a block, at most: each is a number that a thread adds up, and one of its threads for each of its units."""
MIN_DEPTH = 2 if SIMULATED else 64
"""Quads of the tile, at least: fewer, and threads wait for memory more than they compute."""
READ_AHEAD = 2 if SIMULATED else 32
"""Numbers that a thread reads from memory before it puts down the first, about: each takes some 700 cycles to come."""


class Layout(NamedTuple):
    """Where things lie in a block's shared memory, in elements; weights come first."""

    depth: int
    """Quads of a row that are there at once."""
    tile: int
    partial: int
    size: int


def layout(terms: int, columns: int, rows: int, room: int) -> Layout | None:
    """Return how to lay out sums of so many terms in `room` elements; None where that is too little."""
    quads = -(-terms // 4)
    tile, sums = quads * columns * 4, THREADS * rows
    depth = min(quads, (room - tile - sums) // (4 * (rows + 1)))
    if depth < min(quads, MIN_DEPTH):
        return None
    partial = tile + depth * (rows + 1) * 4
    return Layout(depth, tile, partial, partial + sums)


def groups(columns: int) -> int:
    """Return how many threads share a column."""
    return THREADS // columns


def ahead(rows: int) -> int:
    """Return how many terms of each row a thread reads before it puts down the first."""
    return max(1, min(4, READ_AHEAD // rows))


class BlockProduct(NamedTuple):
    """What the threads of a block call together, with a barrier after fill, multiply and keep."""

    fill: Any
    """fill(buffer, n, space, tile, top, first, last, source, start, low, B, shift, limit), as thread `n`: put terms
    `first` to `last` of each row into the tile, whose first quad is the `top` one.

    Rows are start + low, start + low + 1, and so on, of `source`, those below start + B; where there are fewer, the
    last again. Term k is in column k - shift; from `limit` on there are no more, and weights are 0: then the last
    again. `buffer` has room for what is read ahead.
    """
    multiply: Any
    """multiply(total, space, top, tile, here, column, group): add to `total`, of each row, what `here` quads from the
    `top` one on are worth, whose terms are in the tile."""
    keep: Any
    """store_partial(total, space, partial, column, group): note them for the others."""
    add_up: Any
    """add_up(space, partial, row, column): return the sum."""


@cache
def product_of(rows: int, columns: int, number: Any) -> BlockProduct:
    """Return the parts of a product for so many rows and columns, to be inlined."""
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
