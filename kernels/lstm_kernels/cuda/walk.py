"""The walk over time in one kernel: product with W_hh and cell of all steps, without the host in between.

A block has UNITS units of some sequences, a thread one unit of up to a few of these, with sums for all its gates in
registers, so that the cell follows the product at once. What a step needs of the others' states comes through memory:
blocks that share sequences wait for each other after each step, at a counter. Where one block has all units of its
sequences, only its own threads do. Since all of them must run at once, there are no more blocks than multiprocessors.

Weights are read from the second-level cache at each step or, where a block's share of them fits, held in shared memory
all the way (Diamos et al. 2016, Persistent RNNs: Stashing Recurrent Weights On-Chip).

On the simulator, where blocks run one after the other, each step is a kernel of its own.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from lstm_kernels.cells import CELLS
from lstm_kernels.cuda import units
from lstm_kernels.cuda.arrays import fill, zeros
from lstm_kernels.cuda.launch import SIMULATED, Array, cuda, inlined, kernel, types_of
from lstm_kernels.cuda.ptx import arrive, arrived

UNITS, ROWS, DEPTH = (2, 2, 2) if SIMULATED else (8, 32, 32)
"""Threads of a block along units and along sequences; terms of the sum that pass through shared memory at once."""
MOST_ROWS = 2 if SIMULATED else 4
"""Sequences that a thread takes, at most."""
SHARED = 48 << 10
"""Bytes of shared memory that a block may have without asking."""
COUNTERS = 1024

_counters: list[Array] = []


class Shape(NamedTuple):
    """How units and sequences are shared out."""

    slices: int
    """Blocks that share sequences, each with its units."""
    shares: int
    """Groups of blocks, each with its sequences."""
    rows: int
    """Sequences of a thread."""


def shape(B: int, H: int) -> Shape:
    """Return how a walk over B sequences of H units is shared out."""
    rows = min(MOST_ROWS, -(-B // ROWS))
    return Shape(-(-H // UNITS), -(-B // (rows * ROWS)), rows)


def fits(B: int, H: int) -> bool:
    """Return whether all blocks of a walk can run at once."""
    found = shape(B, H)
    if SIMULATED:
        return True
    return found.slices * found.shares <= cuda.get_current_device().MULTIPROCESSOR_COUNT


def is_held(G: int, H: int, rows: int, itemsize: int) -> bool:
    """Return whether a block's share of the weights stays in its shared memory, beside a tile."""
    return itemsize * (G * H * UNITS + rows * ROWS * (DEPTH + 1) + G * UNITS) <= SHARED


def _start(walk: Any, found: Shape, steps: int, shared: int, *args: Any) -> None:
    """Start a walk of so many steps; `walk` takes the first, the one after the last, the counters and `args`."""
    if not _counters:
        _counters.append(zeros(COUNTERS, np.int32))
    grid, block = (found.slices, found.shares), (UNITS, ROWS)
    if SIMULATED and found.slices > 1:
        for step in range(steps):
            walk[grid, block, 0, max(16, shared)](step, step + 1, _counters[0], *args)
    else:
        fill(_counters[0], 0)
        walk[grid, block, 0, max(16, shared)](0, steps, _counters[0], *args)


def _wait(counters, done):
    """Wait until all blocks that share this one's sequences have come here `done` times."""
    cuda.syncthreads()
    if cuda.gridDim.x > 1:
        if cuda.threadIdx.x == 0 and cuda.threadIdx.y == 0:
            arrive(counters, cuda.blockIdx.y)
            while arrived(counters, cuda.blockIdx.y) < done * cuda.gridDim.x:
                pass
        cuda.syncthreads()


wait = inlined(_wait)


@cache
def forward_of(cell_name: str, dtype: str, rows: int, held: bool) -> Any:
    """Return the kernel of a walk forward for threads of so many sequences."""
    cell, number, kind = CELLS[cell_name], *types_of(dtype)
    G, unit_of = len(cell.gates), units.forward_of(cell)
    WIDTH = G * UNITS
    of_h, of_W, sums = (rows * ROWS, DEPTH + 1), (1 if held else DEPTH, WIDTH), (rows, WIDTH // UNITS)

    @kernel
    def walk(first, last, counters, B, gates, W, unit, h, c, extra):
        tile_h = cuda.shared.array(of_h, kind)
        tile_W = cuda.shared.array(of_W, kind)
        kept_W = cuda.shared.array(0, kind)
        total = cuda.local.array(sums, kind)
        H = h.shape[1]
        u, v = cuda.threadIdx.x, cuda.threadIdx.y
        thread, threads = v * UNITS + u, UNITS * ROWS
        left, low = cuda.blockIdx.x * UNITS, cuda.blockIdx.y * rows * ROWS
        j = left + u
        if held:
            for n in range(thread, H * WIDTH, threads):
                k, at = n // WIDTH, n % WIDTH
                gate, unit_at = at // UNITS, left + at % UNITS
                kept_W[n] = W[k, gate * H + unit_at] if unit_at < H else number(0)
        for t in range(first, last):
            for r in range(rows):
                for gate in range(G):
                    total[r, gate] = number(0)
            for top in range(0, H, DEPTH):
                for n in range(thread, rows * ROWS * DEPTH, threads):
                    b, k = n // DEPTH, n % DEPTH
                    inside = (low + b < B) & (top + k < H)
                    tile_h[b, k] = h[t * B + low + b, top + k] if inside else number(0)
                if not held:
                    for n in range(thread, DEPTH * WIDTH, threads):
                        k, at = n // WIDTH, n % WIDTH
                        gate, unit_at = at // UNITS, left + at % UNITS
                        inside = (top + k < H) & (unit_at < H)
                        tile_W[k, at] = W[top + k, gate * H + unit_at] if inside else number(0)
                cuda.syncthreads()
                for k in range(min(DEPTH, H - top)):
                    for gate in range(G):
                        at = gate * UNITS + u
                        weight = kept_W[(top + k) * WIDTH + at] if held else tile_W[k, at]
                        for r in range(rows):
                            total[r, gate] += weight * tile_h[r * ROWS + v, k]
                cuda.syncthreads()
            for r in range(rows):
                b = low + r * ROWS + v
                if (b < B) & (j < H):
                    unit_of(t * B + b, B, j, gates, total, r, 0, 1, unit, h, c, extra)
            if t + 1 < last:
                wait(counters, t + 1)

    return walk


@cache
def backward_of(cell_name: str, dtype: str, rows: int, held: bool) -> Any:
    """Return the kernel of a walk back: its step s takes the cell at t = T - 1 - s, once the product of t + 1 is in."""
    cell, number, kind = CELLS[cell_name], *types_of(dtype)
    G, split, unit_of = len(cell.gates), cell.split, units.backward_of(cell)
    of_da, of_W = (rows * ROWS, DEPTH + 1), (1 if held else DEPTH, UNITS)

    @kernel
    def walk(first, last, counters, T, B, dh_above, W, unit, h, c, gates, extra, dh, dc, partial):
        tile_da = cuda.shared.array(of_da, kind)
        tile_W = cuda.shared.array(of_W, kind)
        kept_W = cuda.shared.array(0, kind)
        total = cuda.local.array(rows, kind)
        H = h.shape[1]
        N, shared = G * H, (G - 1) * H
        u, v = cuda.threadIdx.x, cuda.threadIdx.y
        thread, threads = v * UNITS + u, UNITS * ROWS
        left, low = cuda.blockIdx.x * UNITS, cuda.blockIdx.y * rows * ROWS
        j = left + u
        if held:
            for n in range(thread, N * UNITS, threads):
                kept_W[n] = W[n // UNITS, left + n % UNITS] if left + n % UNITS < H else number(0)
        for s in range(first, last):
            t = T - 1 - s
            if s > 0:
                after = (t + 1) * B + low
                for r in range(rows):
                    total[r] = number(0)
                for top in range(0, N, DEPTH):
                    for n in range(thread, rows * ROWS * DEPTH, threads):
                        b, k = n // DEPTH, top + n % DEPTH
                        value = number(0)
                        if (low + b < B) & (k < N):
                            value = extra[after + b, k - shared] if split and k >= shared else gates[after + b, k]
                        tile_da[b, n % DEPTH] = value
                    if not held:
                        for n in range(thread, DEPTH * UNITS, threads):
                            k, at = top + n // UNITS, left + n % UNITS
                            tile_W[n // UNITS, n % UNITS] = W[k, at] if (k < N) & (at < H) else number(0)
                    cuda.syncthreads()
                    for k in range(min(DEPTH, N - top)):
                        weight = kept_W[(top + k) * UNITS + u] if held else tile_W[k, u]
                        for r in range(rows):
                            total[r] += weight * tile_da[r * ROWS + v, k]
                    cuda.syncthreads()
                for r in range(rows):
                    b = low + r * ROWS + v
                    if (b < B) & (j < H):
                        dh[b, j] += total[r]
            if t >= 0:
                for r in range(rows):
                    b = low + r * ROWS + v
                    if (b < B) & (j < H):
                        unit_of(t * B + b, b, B, j, s == 0, dh_above, unit, h, c, gates, extra, dh, dc, partial)
                if s + 1 < last:
                    wait(counters, s + 1)

    return walk


def forward(cell: str, B: int, gates: Array, W: Array, unit: Array, h: Array, c: Array, extra: Array) -> None:
    """Walk forward; arrays as the kernels take them, rows of all steps one after the other."""
    T, H, dtype = gates.shape[0] // B, h.shape[1], np.dtype(h.dtype)
    found, G = shape(B, H), gates.shape[1] // h.shape[1]
    held = is_held(G, H, found.rows, dtype.itemsize)
    walk = forward_of(cell, dtype.name, found.rows, held)
    _start(walk, found, T, G * H * UNITS * dtype.itemsize if held else 0, B, gates, W, unit, h, c, extra)


def backward(
    cell: str, B: int, dh_above: Array, W: Array, unit: Array, h: Array, c: Array, gates: Array, extra: Array,
    dh: Array, dc: Array, partial: Array,
) -> None:  # fmt: skip
    """Walk back; arrays as the kernels take them, rows of all steps one after the other."""
    T, H, dtype = gates.shape[0] // B, h.shape[1], np.dtype(h.dtype)
    found, G = shape(B, H), gates.shape[1] // h.shape[1]
    held = is_held(G, H, found.rows, dtype.itemsize)
    walk = backward_of(cell, dtype.name, found.rows, held)
    shared = G * H * UNITS * dtype.itemsize if held else 0
    _start(walk, found, T + 1, shared, T, B, dh_above, W, unit, h, c, gates, extra, dh, dc, partial)
