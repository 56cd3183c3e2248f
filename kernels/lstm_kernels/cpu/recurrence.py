"""The walk over time: a product with W_hh at each step, then the cell, one unit after the other.

Threads share out the batch or the units, and stay inside the walk over all T steps. The cell is a compile-time
argument: `compiled` returns the two functions made for it.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import types

from lstm_kernels.activations import zero
from lstm_kernels.cells import CELLS, Cell
from lstm_kernels.compile import inlined, threaded
from lstm_kernels.cpu.packed import (
    PRECISIONS,
    WIDE,
    Packed,
    columns_between,
    multiply,
    nothing,
    pack,
    panels_of,
    per_word,
    rows_of,
    stack,
    workspace,
)
from lstm_kernels.threads import MEETING, MOST, meet

Array = np.ndarray[Any, Any]


# Tuples of one unit's values, from and to the rows of a (rows, H) block and, beyond the gates, of `more` (XH,).
# Compiled code needs their length to be constant, hence one function for each that occurs.
@inlined
def _read0(block, j):
    return ()


@inlined
def _read1(block, j):
    return (block[0, j],)


@inlined
def _read3(block, j):
    return block[0, j], block[1, j], block[2, j]


@inlined
def _read4(block, j):
    return block[0, j], block[1, j], block[2, j], block[3, j]


@inlined
def _saved1(block, more, j):
    return (block[0, j],)


@inlined
def _saved3(block, more, j):
    return block[0, j], block[1, j], block[2, j]


@inlined
def _saved4(block, more, j):
    return block[0, j], block[1, j], block[2, j], block[3, j]


@inlined
def _saved3_1(block, more, j):
    return block[0, j], block[1, j], block[2, j], more[j]


@inlined
def _write1(block, more, j, values):
    block[0, j] = values[0]


@inlined
def _write3(block, more, j, values):
    block[0, j] = values[0]
    block[1, j] = values[1]
    block[2, j] = values[2]


@inlined
def _write4(block, more, j, values):
    block[0, j] = values[0]
    block[1, j] = values[1]
    block[2, j] = values[2]
    block[3, j] = values[3]


@inlined
def _write3_1(block, more, j, values):
    _write3(block, more, j, values)
    more[j] = values[3]


@inlined
def _add0(block, j, values):
    pass


@inlined
def _add1(block, j, values):
    block[0, j] += values[0]


@inlined
def _add3(block, j, values):
    block[0, j] += values[0]
    block[1, j] += values[1]
    block[2, j] += values[2]


READ = {0: _read0, 1: _read1, 3: _read3, 4: _read4}
SAVED = {(1, 0): _saved1, (3, 0): _saved3, (4, 0): _saved4, (3, 1): _saved3_1}
WRITE = {(1, 0): _write1, (3, 0): _write3, (4, 0): _write4, (3, 1): _write3_1}
ADD = {0: _add0, 1: _add1, 3: _add3}


# --- sharing out a step -----------------------------------------------------------------------------------------------

# Threads share out the batch, and never wait for each other, while W_hh fits into the cache that each has for itself.
# Where it is larger, they share out the units, so that each reads its own part of W_hh only, and meet once a step: all
# need all of h, or of the gates' gradient. Sums are the same either way. (Loops over a share of units count unsigned:
# an index that could be negative costs a test for each unit, and all vectors.)

SHARED_FROM = 2_000_000
"""Bytes of W_hh from which on threads share out the units."""


class PackedGates:
    """W_hh (GH, H), packed as columns: all in one, or each gate's by itself, so that a share of units is whole panels
    of each."""

    def __init__(self, H: int, G: int, precision: str) -> None:
        """Raises ValueError where this processor cannot multiply in `precision`."""
        self.precision = precision
        count = G if _is_shared(G * H * H, precision) else 1
        self.words = stack(count, H, G * H // count, precision)
        """(parts, H', N'), with all gates in one part or a gate in each."""
        self._parts = [Packed(H, G * H // count, precision, words) for words in self.words]

    def columns(self, W: Array, threads: int) -> None:
        """Take W (GH, H)."""
        N = len(W) // len(self._parts)
        for k, part in enumerate(self._parts):
            part.columns(W[k * N : (k + 1) * N], threads)


def _is_shared(size: int, precision: str) -> bool:
    return size * PRECISIONS[precision].itemsize // per_word(precision) >= SHARED_FROM


def _meeting(size: int, H: int, precision: str, threads: int) -> Array:
    """Return where threads meet, (MEETING,); or (0,) where they share out the batch."""
    meets = 1 < threads <= MOST and threads * WIDE[precision] <= H and _is_shared(size, precision)
    return np.zeros(MEETING if meets else 0, np.int64)


@inlined
def _share(k, threads, B, words, H, meeting):
    """Return thread k's sequences (from, to) and units (from, to)."""
    if meeting.shape[0] > 0:
        left, right = panels_of(words, H, k, threads)
        return 0, B, left, right
    return k * B // threads, (k + 1) * B // threads, 0, H


class Recurrence(NamedTuple):
    """One cell's walk over time."""

    forward: Any
    """forward(gates, W_hh, unit, h, c, extra, scratch, threads): fill h[1:], c[1:], gates and extra.

    gates    (T, B, GH)    in-out  W_ih x + b, from linear.py, becomes the gates after their nonlinearity
    W_hh     (GH, H)       in      as `PackedGates`
    unit     (P, H)        in      the cell's parameters of one value a unit
    h, c     (T+1, B, H)   in-out  [0] is carried in, the rest is written here; c is (T+1, B, 0) if the cell has none
    extra    (T, B, XH)    out     what else backward needs: `saved` of the cell beyond its gates
    scratch  (B, GH)       -
    """
    backward: Any
    """backward(dh_above, W_hh, unit, h, c, gates, extra, dh, dc, dunit, scratch, precision, threads)

    dh_above  (T, B, H)    in      dL/dh from the layer above
    W_hh      (GH, H)      in      not packed
    h, c                   in      as forward left them
    gates     (T, B, GH)   in-out  as forward left them, become the gradient of W_ih x + b
    extra     (T, B, XH)   in-out  as forward left it; of a cell that splits it becomes the gradient of the last H rows
                                   of W_hh h, the others' being that of W_ih x
    dh, dc    (B, H)       in-out  dL/dh_T and dL/dc_T carried in become dL/dh_0 and dL/dc_0; dc is (B, 0) without c
    dunit     (P, H)       in-out  added to
    scratch   (B, GH)      -
    """


@cache
def compiled(cell_name: str) -> Recurrence:
    """Return the recurrence of a cell, compiled when it is first called."""
    cell = CELLS[cell_name]
    return Recurrence(_forward_of(cell), _backward_of(cell))


def _forward_of(cell: Cell) -> Any:
    G, X, has_c = len(cell.gates), len(cell.saved) - len(cell.gates), cell.has_c
    step = cell.forward
    read_gates, read_unit, write_saved = READ[G], READ[len(cell.unit_params)], WRITE[G, X]

    @threaded(stamp=cell.name)
    def walk(k, threads, gates, words, unit, h, c, extra, scratch, buffer, meeting):
        T, B, H = gates.shape[0], gates.shape[1], h.shape[2]
        blocks = gates.reshape((T, B, G, H))
        blocks_h = scratch.reshape((B, G, H))
        low, high, first, last = _share(k, threads, B, words, H, meeting)
        # Of each part of W_hh: the columns that are this thread's.
        parts = words.shape[0]
        N = G * H // parts
        left, right, met = (first, last, 1) if parts == G else (0, N, 1)
        for t in range(T):
            for n in range(parts):
                # There and back: the last parts of a step are the first of the next, and are still in the cache.
                g = n if t % 2 == 0 else parts - 1 - n
                to = scratch[low:high, g * N + left : g * N + right]
                multiply(h[t, low:high], columns_between(words[g], left, right), 0, nothing(), to, buffer[k])
            for b in range(low, high):
                block, block_h, more = blocks[t, b], blocks_h[b], extra[t, b]
                h_prev, c_prev, h_next, c_next = h[t, b], c[t, b], h[t + 1, b], c[t + 1, b]
                for j in range(types.uintp(first), types.uintp(last)):
                    values, h_j, c_j = step(
                        read_gates(block, j),
                        read_gates(block_h, j),
                        read_unit(unit, j),
                        h_prev[j],
                        c_prev[j] if has_c else zero(h_prev[j]),
                    )
                    write_saved(block, more, j, values)
                    h_next[j] = h_j
                    if has_c:
                        c_next[j] = c_j
            if meeting.shape[0] > 0:
                met = meet(meeting, threads, met)

    def forward(
        gates: Array, W_hh: PackedGates, unit: Array, h: Array, c: Array, extra: Array, scratch: Array, threads: int
    ) -> None:
        buffer = workspace.scratch(threads, W_hh.precision)
        meeting = _meeting(gates.shape[2] * h.shape[2], h.shape[2], W_hh.precision, threads)
        walk(gates, W_hh.words, unit, h, c, extra, scratch, buffer, meeting, threads)

    return forward


@threaded
def _add_up(k, threads, partial, dunit):
    B, P, H = partial.shape
    for b in range(B):
        for p in range(P):
            for j in range(k * H // threads, (k + 1) * H // threads):
                dunit[p, j] += partial[b, p, j]


def _backward_of(cell: Cell) -> Any:
    G, X, P, has_c, split = (
        len(cell.gates),
        len(cell.saved) - len(cell.gates),
        len(cell.unit_params),
        cell.has_c,
        cell.split,
    )
    step = cell.backward
    read_saved, read_unit, write_gates, add_unit = SAVED[G, X], READ[P], WRITE[G, 0], ADD[P]

    @threaded(stamp=cell.name)
    def walk(k, threads, dh_above, words, unit, h, c, gates, extra, dh, dc, partial, buffer, meeting):
        T, B, H = dh_above.shape
        blocks = gates.reshape((T, B, G, H))
        low, high, first, last = _share(k, threads, B, words, H, meeting)
        share, met = columns_between(words, first, last), 1
        for b in range(low, high):
            for p in range(P):
                for j in range(first, last):
                    partial[b, p, j] = 0
        for t in range(T - 1, -1, -1):
            for b in range(low, high):
                block, more = blocks[t, b], extra[t, b]
                dh_t, dh_b, dc_b, sums = dh_above[t, b], dh[b], dc[b], partial[b]
                h_prev, c_prev, c_next = h[t, b], c[t, b], c[t + 1, b]
                for j in range(types.uintp(first), types.uintp(last)):
                    none = zero(dh_b[j])
                    da_x_j, da_h_j, dp, dh_j, dc_j = step(
                        dh_t[j] + dh_b[j],
                        dc_b[j] if has_c else none,
                        read_saved(block, more, j),
                        read_unit(unit, j),
                        h_prev[j],
                        c_prev[j] if has_c else none,
                        c_next[j] if has_c else none,
                    )
                    write_gates(block, more, j, da_x_j)
                    if split:
                        more[j] = da_h_j[-1]
                    add_unit(sums, j, dp)
                    dh_b[j] = dh_j
                    if has_c:
                        dc_b[j] = dc_j
            if meeting.shape[0] > 0:
                met = meet(meeting, threads, met)
            to = dh[low:high, first:last]
            if split:
                shared = (G - 1) * H
                multiply(gates[t, low:high, :shared], share, 0, rows_of(to), to, buffer[k])
                multiply(extra[t, low:high], share, shared, rows_of(to), to, buffer[k])
            else:
                multiply(gates[t, low:high], share, 0, rows_of(to), to, buffer[k])

    def backward(
        dh_above: Array, W_hh: Array, unit: Array, h: Array, c: Array, gates: Array, extra: Array,
        dh: Array, dc: Array, dunit: Array, scratch: Array, precision: str, threads: int,
    ) -> None:  # fmt: skip
        words, buffer = workspace.words(W_hh.shape[0], W_hh.shape[1], precision), workspace.scratch(threads, precision)
        # dunit is summed over time for each sequence by itself, then over sequences: the order knows no threads.
        partial = scratch.reshape(-1)[: scratch.shape[0] * dunit.size].reshape(scratch.shape[0], *dunit.shape)
        pack(W_hh, words, threads)
        meeting = _meeting(W_hh.size, W_hh.shape[1], precision, threads)
        walk(dh_above, words, unit, h, c, gates, extra, dh, dc, partial, buffer, meeting, threads)
        if P > 0:
            _add_up(partial, dunit, threads)

    return backward
