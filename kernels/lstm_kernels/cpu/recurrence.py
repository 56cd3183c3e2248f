"""The recurrence over all steps: a product with W_hh at each step, then the cell, unit by unit.

Threads split the batch or the units, and stay inside the kernel for all T steps. The cell is a compile-time argument:
`compiled` returns the two functions for it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import types

from lstm_kernels.cell_table import CELLS, Cell, Product
from lstm_kernels.cells import functions_of
from lstm_kernels.cpu.gemm import multiply, nothing, rows_of
from lstm_kernels.cpu.microkernel.registers import PRECISIONS
from lstm_kernels.cpu.packing import WIDE, Packed, columns_between, pack, packed_stack, panels_of, per_word, workspace
from lstm_kernels.cpu.unit_access import access, load_dh, load_dh_above, load_h, store_dh, store_h
from lstm_kernels.interface import Backward, Forward, PackedMatrix, Recurrence, StateGradients, Steps
from lstm_kernels.jit import inlined, kernel, threaded
from lstm_kernels.thread_pool import BARRIER_WORDS, MAX_THREADS, barrier

Array = np.ndarray[Any, Any]


# --- splitting a step among threads -----------------------------------------------------------------------------------

# While W_hh fits into a core's own cache, threads split the batch and never wait for each other. Where it is larger,
# they split the units, so that each reads only its own part of W_hh, and pass a barrier at each step, since all need
# all of h or of the gates' gradient. Sums are the same either way. (Loops over units count unsigned: an index that may
# be negative costs a test for each unit and prevents vectors.)

MIN_SPLIT_BYTES = 2_000_000
"""Bytes of W_hh from which on threads split the units."""


class PackedGates:
    """W_hh (RH, H), packed: all gates together, or each by itself, so that each thread's units are whole panels."""

    def __init__(self, H: int, R: int, precision: str) -> None:
        """R gates have a recurrent product. Raises ValueError where this processor cannot multiply in `precision`."""
        self.precision = precision
        count = R if R > 0 and _splits_units(R * H * H, precision) else 1
        self.words = packed_stack(count, H, R * H // count, precision)
        """(parts, H', N'), with all gates in one part or one gate in each."""
        self._parts = [Packed(H, R * H // count, precision, words) for words in self.words]

    def pack_transposed(self, W: Array, threads: int) -> None:
        """Pack W (RH, H)."""
        N = len(W) // len(self._parts)
        for k, part in enumerate(self._parts):
            part.pack_transposed(W[k * N : (k + 1) * N], threads)


def _splits_units(size: int, precision: str) -> bool:
    return size * PRECISIONS[precision].itemsize // per_word(precision) >= MIN_SPLIT_BYTES


def _arrivals(size: int, H: int, precision: str, threads: int) -> Array:
    """Return the barrier of threads that split the units, (BARRIER_WORDS,); (0,) where they split the batch."""
    shares_units = 1 < threads <= MAX_THREADS and threads * WIDE[precision] <= H and _splits_units(size, precision)
    return np.zeros(BARRIER_WORDS if shares_units else 0, np.int64)


@inlined
def _range_of(k, threads, B, words, H, arrivals):
    """Return thread k's sequences (from, to) and units (from, to)."""
    if arrivals.shape[0] > 0:
        left, right = panels_of(words, H, k, threads)
        return 0, B, left, right
    return k * B // threads, (k + 1) * B // threads, 0, H


@cache
def compiled(cell_name: str) -> Recurrence:
    """Return the recurrence of a cell, compiled when it is first called."""
    cell = CELLS[cell_name]
    return Recurrence(_forward_of(cell), _backward_of(cell))


@kernel
def copy_states(block, more, h_prev, h_next, c_prev, c_next, first, last):
    """A step of a sequence that has ended: its states are copied, its gates are 0."""
    for j in range(first, last):
        for g in range(block.shape[0]):
            block[g, j] = 0
        for x in range(more.shape[0]):
            more[x, j] = 0
        h_next[j] = h_prev[j]
        for m in range(c_prev.shape[0]):
            c_next[m, j] = c_prev[m, j]


@kernel
def copy_gradients(block, more, dh_above, dh, first, last):
    """The same backward: the gradient of the states is passed on, that of the gates is 0."""
    for j in range(first, last):
        for g in range(block.shape[0]):
            block[g, j] = 0
        for x in range(more.shape[0]):
            more[x, j] = 0
        dh[j] += dh_above[j]


def _forward_of(cell: Cell) -> Forward:
    G, R, X, M = len(cell.gates), len(cell.recurrent_gates), cell.extra_blocks, len(cell.memories)
    S, step = cell.scratch_blocks, functions_of(cell).forward
    a = access(cell.name)
    read_gates, read_recurrent, read_unit, read_memory = a.gates, a.recurrent, a.unit, a.memory
    write_gates, write_saved, write_memory = a.write_gates, a.write_saved, a.write_memory

    @threaded(stamp=cell.name)
    def run_forward(k, threads, gates, words, unit, h, c, extra, lengths, scratch, buffer, arrivals):
        T, B, H = gates.shape[0], gates.shape[1], h.shape[2]
        blocks = gates.reshape((T, B, G, H))
        blocks_h, mores = scratch.reshape((B, S, H)), extra.reshape((T, B, X, H))
        memories = c.reshape((T + 1, B, M, H))
        low, high, first, last = _range_of(k, threads, B, words, H, arrivals)
        # The columns of each part of W_hh that this thread computes.
        parts = words.shape[0]
        N = R * H // parts
        left, right, rounds = (first, last, 1) if parts == R else (0, N, 1)
        for t in range(T):
            if R > 0:
                for n in range(parts):
                    # Back and forth: the last parts of a step are the first of the next, and still in the cache.
                    g = n if t % 2 == 0 else parts - 1 - n
                    to = scratch[low:high, g * N + left : g * N + right]
                    multiply(h[t, low:high], columns_between(words[g], left, right), 0, nothing(), to, buffer[k])
            for b in range(low, high):
                block, block_h, more = blocks[t, b], blocks_h[b], mores[t, b]
                h_prev, h_next = h[t, b], h[t + 1, b]
                c_prev, c_next = memories[t, b], memories[t + 1, b]
                if t < lengths[b]:
                    for j in range(types.uintp(first), types.uintp(last)):
                        saved, h_j, memory = step(
                            read_gates(block, 0, j, H),
                            read_recurrent(block_h, 0, j, H, load_h(h_prev, j)),
                            read_unit(unit, 0, j, H),
                            load_h(h_prev, j),
                            read_memory(c_prev, 0, j, H),
                        )
                        write_gates(block, 0, j, H, saved)
                        write_saved(more, 0, j, H, saved)
                        store_h(h_next, j, h_j)
                        write_memory(c_next, 0, j, H, memory)
            for b in range(low, high):
                if t >= lengths[b]:  # a loop of its own: an else in the loop above slows it down by a third
                    c_prev, c_next = memories[t, b], memories[t + 1, b]
                    copy_states(blocks[t, b], mores[t, b], h[t, b], h[t + 1, b], c_prev, c_next, first, last)
            if arrivals.shape[0] > 0:
                rounds = barrier(arrivals, threads, rounds)

    def forward(steps: Steps, W_hh: PackedMatrix, unit: Array, threads: int) -> None:
        gates, h, c, extra, lengths, scratch = steps
        buffer = workspace.scratch(threads, W_hh.precision)
        arrivals = _arrivals(R * h.shape[2] ** 2, h.shape[2], W_hh.precision, threads)
        run_forward(gates, W_hh.words, unit, h, c, extra, lengths, scratch, buffer, arrivals, threads)

    return forward


@threaded
def _add_up(k, threads, partial, dunit):
    B, P, H = partial.shape
    for b in range(B):
        for p in range(P):
            for j in range(k * H // threads, (k + 1) * H // threads):
                dunit[p, j] += partial[b, p, j]


def _adder_of(cell: Cell) -> Any:
    """Return add(gates, extra, share, H, to, buffer): add the gradient through the recurrent products to dh.

    gates (B, GH) and extra (B, XH) hold the gradients of one step.
    """
    add = _add_nothing
    for product in cell.products:
        add = _and_then(add, product, whole=product.count == (cell.extra_blocks if product.own else len(cell.gates)))
    return add


@inlined
def _add_nothing(gates, extra, share, H, to, buffer):
    pass


def _and_then(before: Any, product: Product, *, whole: bool) -> Any:
    """Return `before` followed by one more product; `whole` where that takes all columns of its gradients."""
    own, first, end, row = product.own, product.first, product.first + product.count, product.row

    @inlined
    def add_whole(gates, extra, share, H, to, buffer):
        before(gates, extra, share, H, to, buffer)
        multiply(extra if own else gates, share, row * H, rows_of(to), to, buffer)

    @inlined
    def add_part(gates, extra, share, H, to, buffer):
        before(gates, extra, share, H, to, buffer)
        multiply((extra if own else gates)[:, first * H : end * H], share, row * H, rows_of(to), to, buffer)

    return add_whole if whole else add_part


def _backward_of(cell: Cell) -> Backward:
    G, P, X, M = len(cell.gates), len(cell.unit_params), cell.extra_blocks, len(cell.memories)
    step, add_products = functions_of(cell).backward, _adder_of(cell)
    a = access(cell.name)
    read_saved, read_unit, read_memory = a.saved, a.unit, a.memory
    read_dmemory, write_dmemory = a.dmemory, a.write_dmemory
    write_gates, write_own, add_unit = a.write_gates, a.write_own, a.add_unit

    @threaded(stamp=cell.name)
    def run_backward(k, threads, dh_above, words, unit, h, c, gates, extra, lengths, dh, dc, partial, buffer, arrivals):
        T, B, H = dh_above.shape
        # Reshaped once: it costs some 20 ns, which matters for each row of units.
        blocks, mores = gates.reshape((T, B, G, H)), extra.reshape((T, B, X, H))
        memories, dmemories = c.reshape((T + 1, B, M, H)), dc.reshape((B, M, H))
        low, high, first, last = _range_of(k, threads, B, words, H, arrivals)
        share, rounds = columns_between(words, first, last), 1
        for b in range(low, high):
            for p in range(P):
                for j in range(first, last):
                    partial[b, p, j] = 0
        for t in range(T - 1, -1, -1):
            for b in range(low, high):
                block, more, sums = blocks[t, b], mores[t, b], partial[b]
                dh_t, dh_b, h_prev = dh_above[t, b], dh[b], h[t, b]
                dc_b, c_prev, c_next = dmemories[b], memories[t, b], memories[t + 1, b]
                if t < lengths[b]:
                    for j in range(types.uintp(first), types.uintp(last)):
                        da_x, da_h, dp, dh_j, dmemory = step(
                            load_dh_above(dh_t, j) + load_dh(dh_b, j),
                            read_dmemory(dc_b, 0, j, H),
                            read_saved(block, more, 0, j, H),
                            read_unit(unit, 0, j, H),
                            load_h(h_prev, j),
                            read_memory(c_prev, 0, j, H),
                            read_memory(c_next, 0, j, H),
                        )
                        write_gates(block, 0, j, H, da_x)
                        write_own(more, 0, j, H, da_h)
                        add_unit(sums, 0, j, H, dp)
                        store_dh(dh_b, j, dh_j)
                        write_dmemory(dc_b, 0, j, H, dmemory)
            for b in range(low, high):
                if t >= lengths[b]:
                    copy_gradients(blocks[t, b], mores[t, b], dh_above[t, b], dh[b], first, last)
            if arrivals.shape[0] > 0:
                rounds = barrier(arrivals, threads, rounds)
            add_products(gates[t, low:high], extra[t, low:high], share, H, dh[low:high, first:last], buffer[k])

    def backward(
        dh_above: Array, steps: Steps, W_hh: Array, unit: Array, dstates: StateGradients, dunit: Array, precision: str,
        threads: int,
    ) -> None:  # fmt: skip
        (gates, h, c, extra, lengths, scratch), (dh, dc) = steps, dstates
        words, buffer = workspace.words(W_hh.shape[0], W_hh.shape[1], precision), workspace.scratch(threads, precision)
        # dunit is summed over time for each sequence, then over sequences: the order does not depend on threads.
        partial = scratch.reshape(-1)[: scratch.shape[0] * dunit.size].reshape(scratch.shape[0], *dunit.shape)
        pack(W_hh, words, threads)
        arrivals = _arrivals(W_hh.size, W_hh.shape[1], precision, threads)
        run_backward(dh_above, words, unit, h, c, gates, extra, lengths, dh, dc, partial, buffer, arrivals, threads)
        if P > 0:
            _add_up(partial, dunit, threads)

    return backward
