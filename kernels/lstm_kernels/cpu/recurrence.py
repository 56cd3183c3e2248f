"""The walk over time: a product with W_hh at each step, then the cell, one unit after the other.

Threads share out the batch: each walks all T steps over its own sequences, so they never wait for each other. The
cell is a compile-time argument: `compiled` returns the two functions made for it.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import prange

from lstm_kernels.activations import zero
from lstm_kernels.cells import CELLS, Cell
from lstm_kernels.compile import inlined, threaded
from lstm_kernels.cpu.product import product
from lstm_kernels.cpu.tiles import multiply

Array = np.ndarray[Any, Any]

LONG = 8
"""From this many steps on, transposing W_hh once pays for a quicker product in each of them."""


# Tuples of one unit's values, from and to the rows of a (rows, H) block. Compiled code needs their length to be
# constant, hence one pair for each that occurs.
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
def _write0(block, j, values):
    pass


@inlined
def _write1(block, j, values):
    block[0, j] = values[0]


@inlined
def _write3(block, j, values):
    block[0, j] = values[0]
    block[1, j] = values[1]
    block[2, j] = values[2]


@inlined
def _write4(block, j, values):
    block[0, j] = values[0]
    block[1, j] = values[1]
    block[2, j] = values[2]
    block[3, j] = values[3]


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
WRITE = {1: _write1, 3: _write3, 4: _write4}
ADD = {0: _add0, 1: _add1, 3: _add3}


class Recurrence(NamedTuple):
    """One cell's walk over time."""

    forward: Any
    """forward(a_x, W_hh, unit, h, c, saved, scratch, threads): fill h[1:], c[1:] and saved.

    a_x      (T, B, GH)    in      W_ih x + b, from linear.py
    W_hh     (GH, H)       in
    unit     (P, H)        in      the cell's parameters of one value a unit
    h, c     (T+1, B, H)   in-out  [0] is carried in, the rest is written here; c is (T+1, B, 0) if the cell has none
    saved    (T, B, SH)    out     what backward needs: the gates after their nonlinearity first
    scratch  (B, GH)       -
    """
    backward: Any
    """backward(dh_above, W_hh, unit, h, c, saved, da_x, da_h, dh, dc, dunit, scratch, threads)

    dh_above  (T, B, H)    in      dL/dh from the layer above
    h, c, saved            in      as forward left them
    da_x      (T, B, GH)   out     gradient of W_ih x + b
    da_h      (T, B, GH)   out     gradient of W_hh h, for linear.backward_weights(da_h, h[:-1], dW_hh, None); give
                                   da_x again unless the cell splits
    dh, dc    (B, H)       in-out  dL/dh_T and dL/dc_T carried in become dL/dh_0 and dL/dc_0; dc is (B, 0) without c
    dunit     (P, H)       in-out  added to
    scratch   (B, GH)      -
    """


@cache
def compiled(cell_name: str) -> Recurrence:
    """Return the recurrence of a cell, compiled when it is first called."""
    cell = CELLS[cell_name]
    return Recurrence(_forward_of(cell), _backward_of(cell))


class _Workspace(threading.local):
    """Arrays that outlive a call, so that a training step allocates nothing; each Python thread has its own."""

    def __init__(self) -> None:
        self.transposed: dict[tuple[Any, ...], Array] = {}

    def transpose(self, W: Array, threads: int) -> Array:
        """Return W transposed, in an array that the next call for a matrix of this shape overwrites."""
        W_t = self.transposed.get((W.shape, W.dtype))
        if W_t is None:
            W_t = self.transposed[W.shape, W.dtype] = np.empty(W.shape[::-1], W.dtype)
        _transpose(W, W_t, threads)
        return W_t


_workspace = _Workspace()


@threaded
def _transpose(W, W_t, threads):
    M, N = W.shape
    for k in prange(threads):
        low, high = k * M // threads, (k + 1) * M // threads
        for top in range(low, high, 16):  # so that what is written to one line is written soon
            for n in range(N):
                for m in range(top, min(top + 16, high)):
                    W_t[n, m] = W[m, n]


def _forward_of(cell: Cell) -> Any:
    G, S, has_c = len(cell.gates), len(cell.saved), cell.has_c
    step = cell.forward
    read_gates, read_unit, write_saved = READ[G], READ[len(cell.unit_params)], WRITE[S]

    @threaded(stamp=cell.name)
    def walk(a_x, W_hh, W_hh_t, unit, h, c, saved, scratch, threads):
        T, B, H = a_x.shape[0], a_x.shape[1], h.shape[2]
        blocks_x = a_x.reshape((T, B, G, H))
        blocks_h = scratch.reshape((B, G, H))
        blocks_saved = saved.reshape((T, B, S, H))
        for k in prange(threads):
            low, high = k * B // threads, (k + 1) * B // threads
            for t in range(T):
                if W_hh_t.shape[0] > 0:
                    multiply(h[t, low:high], W_hh_t, False, scratch[low:high])
                else:
                    product(False, True, 1.0, h[t, low:high], W_hh, 0.0, scratch[low:high])
                for b in range(low, high):
                    block_x, block_h, block_saved = blocks_x[t, b], blocks_h[b], blocks_saved[t, b]
                    h_prev, c_prev, h_next, c_next = h[t, b], c[t, b], h[t + 1, b], c[t + 1, b]
                    for j in range(H):
                        values, h_j, c_j = step(
                            read_gates(block_x, j),
                            read_gates(block_h, j),
                            read_unit(unit, j),
                            h_prev[j],
                            c_prev[j] if has_c else zero(h_prev[j]),
                        )
                        write_saved(block_saved, j, values)
                        h_next[j] = h_j
                        if has_c:
                            c_next[j] = c_j

    def forward(
        a_x: Array, W_hh: Array, unit: Array, h: Array, c: Array, saved: Array, scratch: Array, threads: int
    ) -> None:
        W_hh_t = _workspace.transpose(W_hh, threads) if len(a_x) >= LONG else W_hh[:0]
        walk(a_x, W_hh, W_hh_t, unit, h, c, saved, scratch, threads)

    return forward


def _backward_of(cell: Cell) -> Any:
    G, S, P, has_c, split = len(cell.gates), len(cell.saved), len(cell.unit_params), cell.has_c, cell.split
    step = cell.backward
    read_saved, read_unit, write_gates, add_unit = READ[S], READ[P], WRITE[G], ADD[P]

    @threaded(stamp=cell.name)
    def backward(dh_above, W_hh, unit, h, c, saved, da_x, da_h, dh, dc, dunit, scratch, threads):
        T, B, H = dh_above.shape
        blocks_x = da_x.reshape((T, B, G, H))
        blocks_h = da_h.reshape((T, B, G, H))
        blocks_saved = saved.reshape((T, B, S, H))
        # dunit is summed over time for each sequence by itself, then over sequences: the order knows no threads.
        partial = scratch.reshape((B, G, H))
        for k in prange(threads):
            low, high = k * B // threads, (k + 1) * B // threads
            for b in range(low, high):
                for j in range(P * H):
                    scratch[b, j] = 0
            for t in range(T - 1, -1, -1):
                for b in range(low, high):
                    block_x, block_h, block_saved = blocks_x[t, b], blocks_h[t, b], blocks_saved[t, b]
                    dh_t, dh_b, dc_b, sums = dh_above[t, b], dh[b], dc[b], partial[b]
                    h_prev, c_prev, c_next = h[t, b], c[t, b], c[t + 1, b]
                    for j in range(H):
                        none = zero(dh_b[j])
                        da_x_j, da_h_j, dp, dh_j, dc_j = step(
                            dh_t[j] + dh_b[j],
                            dc_b[j] if has_c else none,
                            read_saved(block_saved, j),
                            read_unit(unit, j),
                            h_prev[j],
                            c_prev[j] if has_c else none,
                            c_next[j] if has_c else none,
                        )
                        write_gates(block_x, j, da_x_j)
                        if split:
                            write_gates(block_h, j, da_h_j)
                        add_unit(sums, j, dp)
                        dh_b[j] = dh_j
                        if has_c:
                            dc_b[j] = dc_j
                multiply(da_h[t, low:high], W_hh, True, dh[low:high])
        for b in range(B):
            for p in range(P):
                for j in range(H):
                    dunit[p, j] += partial[b, p, j]

    return backward
