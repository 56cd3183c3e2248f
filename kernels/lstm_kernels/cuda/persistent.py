"""The recurrence in one persistent kernel: products with W_hh and cells of all steps, without the host in between.

A block computes UNITS units of some sequences, and keeps the columns of W_hh that they need in shared memory for all
steps (Diamos et al. 2016, Persistent RNNs: Stashing Recurrent Weights On-Chip). At each step it copies the states of
its sequences, of all units, into shared memory, and its threads split the terms of each sum (`block_gemm`); then each
thread computes the cell of one unit of one sequence.

Blocks exchange states through global memory: those that share sequences wait for each other after each step, at a
counter. All blocks must run at once, so there are no more than multiprocessors.

On the simulator, where blocks run one after the other, each step is a kernel of its own.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from lstm_kernels.cell_table import CELLS, Cell
from lstm_kernels.cuda import arrays, cell_step
from lstm_kernels.cuda.block_gemm import MAX_ROWS, THREADS, UNITS, Layout, ahead, layout, product_of
from lstm_kernels.cuda.driver import allow_shared, max_shared
from lstm_kernels.cuda.launch import SIMULATED, Array, cuda, inlined, kernel, multiprocessors, types_of
from lstm_kernels.cuda.ptx import arrive, arrived

COUNTERS = 1024
"""Groups of blocks that can wait for each other; more than any GPU has multiprocessors."""

_counters: list[Array] = []


class Shape(NamedTuple):
    """How units and sequences are split among blocks."""

    slices: int
    """Blocks that share sequences, each with its units."""
    shares: int
    """Groups of blocks, each with its sequences."""
    rows: int
    """Sequences of a block."""


class Rows(NamedTuple):
    """Arrays of a layer of H units with the rows of all steps one after the other: row t * B + b is step t."""

    lengths: Array
    """(B,)"""
    gates: Array
    """(T B, GH)"""
    unit: Array
    """(1, PH); or any array of two dimensions where P is 0, here and below."""
    h: Array
    """((T + 1) B, H)"""
    c: Array
    """((T + 1) B, MH)"""
    extra: Array
    """(T B, XH)"""

    @property
    def B(self) -> int:  # noqa: N802  as the field writes it
        """Sequences."""
        return len(self.lengths)

    @property
    def T(self) -> int:  # noqa: N802  as the field writes it
        """Steps."""
        return len(self.gates) // self.B


class RowGradients(NamedTuple):
    """Gradients of such a layer."""

    dh_above: Array
    """(T B, H)"""
    dh: Array
    """(B, H)"""
    dc: Array
    """(B, MH)"""
    partial: Array
    """(B, PH), the gradient of `unit` by sequence."""


def shape(B: int, H: int) -> Shape:
    """Return how B sequences of H units are split: among as many blocks as can run at once."""
    slices = -(-H // UNITS)
    rows = -(-B // max(1, min(B, multiprocessors() // slices)))
    rows = rows if rows <= 2 else -(-rows // 4) * 4  # a kernel is compiled for each number
    return Shape(slices, -(-B // rows), rows)


def layouts(G: int, H: int, rows: int, itemsize: int) -> tuple[Layout | None, Layout | None]:
    """Return the layouts of a block's shared memory forward and backward; None where it is too small."""
    room = max_shared() // itemsize
    return layout(H, G * UNITS, rows, room), layout(G * H, UNITS, rows, room)


def supports(cell: Cell) -> bool:
    """Return whether the persistent kernel supports a cell.

    All gates must have a recurrent product, and only the last may have its own gradient.
    """
    G = len(cell.gates)
    return len(cell.recurrent_gates) == G and cell.own_gates in ((), (G - 1,))


def fits(B: int, G: int, H: int, itemsize: int) -> bool:
    """Return whether all blocks can run at once, and their shared memory suffices."""
    found = shape(B, H)
    if found.slices * found.shares > multiprocessors() or found.rows > MAX_ROWS:
        return False
    return None not in layouts(G, H, found.rows, itemsize)


def _wait(counters, done):
    """Wait until all blocks that share this one's sequences have arrived here `done` times."""
    cuda.syncthreads()
    if cuda.gridDim.x > 1:
        if cuda.threadIdx.x == 0:
            arrive(counters, cuda.blockIdx.y)
            while arrived(counters, cuda.blockIdx.y) < done * cuda.gridDim.x:
                pass
        cuda.syncthreads()


wait = inlined(_wait)


@cache
def forward_of(cell_name: str, dtype: str, rows: int) -> Any:
    """Return the forward kernel for blocks of `rows` sequences."""
    cell, number, kind = CELLS[cell_name], *types_of(dtype)
    G, unit_of = len(cell.gates), cell_step.forward_of(cell)
    columns = G * UNITS
    fill, multiply, store_partial, add_up = product_of(rows, columns, number)
    reads = ahead(rows) * rows

    @kernel
    def run(first, last, counters, depth, tile, partial, B, lengths, gates, W, unit, h, c, extra):
        space = cuda.shared.array(0, kind)
        total = cuda.local.array(rows, kind)
        buffer = cuda.local.array(reads, kind)
        products = cuda.local.array((1, G), kind)
        H, n = h.shape[1], cuda.threadIdx.x
        quads = (H + 3) // 4
        left, low = cuda.blockIdx.x * UNITS, cuda.blockIdx.y * rows
        column, group = n % columns, n // columns
        for i in range(n, quads * 4 * columns, THREADS):
            k, at = i // columns, i % columns
            j = left + at % UNITS
            space[((k // 4) * columns + at) * 4 + k % 4] = W[k, at // UNITS * H + j] if k < H and j < H else number(0)
        r, j = n // UNITS, left + n % UNITS
        b = low + r
        for t in range(first, last):
            for row in range(rows):
                total[row] = number(0)
            for top in range(0, quads, depth):
                here = min(depth, quads - top)
                fill(buffer, n, space, tile, top, top * 4, (top + here) * 4, h, t * B, low, B, 0, H)
                cuda.syncthreads()
                multiply(total, space, top, tile, here, column, group)
                cuda.syncthreads()
            store_partial(total, space, partial, column, group)
            cuda.syncthreads()
            if r < rows and b < B and j < H:
                for gate in range(G):
                    products[0, gate] = add_up(space, partial, r, gate * UNITS + n % UNITS)
                unit_of(t * B + b, B, j, t < lengths[b], gates, products, 0, 0, 1, unit, h, c, extra)
            if t + 1 < last:
                wait(counters, t + 1)

    return run


@cache
def backward_of(cell_name: str, dtype: str, rows: int) -> Any:
    """Return the backward kernel: its step s computes the cell at t = T - 1 - s, after the product of t + 1."""
    cell, number, kind = CELLS[cell_name], *types_of(dtype)
    G, split, unit_of = len(cell.gates), bool(cell.own_gates), cell_step.backward_of(cell)
    fill, multiply, store_partial, add_up = product_of(rows, UNITS, number)
    reads = ahead(rows) * rows

    @kernel
    def run(
        first, last, counters, depth, tile, partial,
        T, B, lengths, dh_above, W, unit, h, c, gates, extra, dh, dc, of_units,
    ):  # fmt: skip
        space = cuda.shared.array(0, kind)
        total = cuda.local.array(rows, kind)
        buffer = cuda.local.array(reads, kind)
        H, n = h.shape[1], cuda.threadIdx.x
        N, shared = G * H, (G - 1) * H
        quads = (N + 3) // 4
        left, low = cuda.blockIdx.x * UNITS, cuda.blockIdx.y * rows
        column, group = n % UNITS, n // UNITS
        for i in range(n, quads * 4 * UNITS, THREADS):
            k, at = i // UNITS, i % UNITS
            space[((k // 4) * UNITS + at) * 4 + k % 4] = W[k, left + at] if k < N and left + at < H else number(0)
        r, j = n // UNITS, left + n % UNITS
        b = low + r
        for s in range(first, last):
            t = T - 1 - s
            if s > 0:
                for row in range(rows):
                    total[row] = number(0)
                for top in range(0, quads, depth):
                    here = min(depth, quads - top)
                    begin, end, after = top * 4, (top + here) * 4, (t + 1) * B
                    if split:
                        fill(buffer, n, space, tile, top, begin, min(end, shared), gates, after, low, B, 0, shared)
                        fill(buffer, n, space, tile, top, max(begin, shared), end, extra, after, low, B, shared, N)
                    else:
                        fill(buffer, n, space, tile, top, begin, end, gates, after, low, B, 0, N)
                    cuda.syncthreads()
                    multiply(total, space, top, tile, here, column, group)
                    cuda.syncthreads()
                store_partial(total, space, partial, column, group)
                cuda.syncthreads()
            if r < rows and b < B and j < H:
                if s > 0:
                    dh[b, j] += add_up(space, partial, r, n % UNITS)
                if t >= 0:
                    active = t < lengths[b]
                    unit_of(t * B + b, b, B, j, active, s == 0, dh_above, unit, h, c, gates, extra, dh, dc, of_units)
            if s + 1 < last:
                wait(counters, s + 1)

    return run


def _launch(run: Any, found: Shape, of_block: Layout | None, steps: int, *args: Any) -> bool:
    """Launch `steps` steps of a kernel with `args`, and return whether that was possible."""
    if of_block is None:
        raise ValueError("the persistent kernel does not fit")
    if not _counters:
        _counters.append(arrays.zeros(COUNTERS, np.int32))
    given = (_counters[0], of_block.depth, of_block.tile, of_block.partial, *args)
    size = of_block.size * np.dtype(args[-1].dtype).itemsize
    if not allow_shared(run.compiled, (0, steps, *given), size):
        return False
    launch = run[(found.slices, found.shares), THREADS, size]
    if SIMULATED and found.slices > 1:
        for step in range(steps):
            launch(step, step + 1, *given)
    else:
        arrays.fill(_counters[0], 0)
        launch(0, steps, *given)
    return True


def forward(cell: str, rows: Rows, W: Array) -> bool:
    """Run all steps forward with packed W (H, GH), and return whether that could be done."""
    (_, H), dtype, B = rows.h.shape, np.dtype(rows.h.dtype), rows.B
    found = shape(B, H)
    of_block, _ = layouts(rows.gates.shape[1] // H, H, found.rows, dtype.itemsize)
    run = forward_of(cell, dtype.name, found.rows)
    lengths, gates, unit, h, c, extra = rows
    return _launch(run, found, of_block, rows.T, B, lengths, gates, W, unit, h, c, extra)


def backward(cell: str, rows: Rows, W: Array, gradients: RowGradients) -> bool:
    """Run all steps backward with W (GH, H), and return whether that could be done."""
    (_, H), dtype, T, B = rows.h.shape, np.dtype(rows.h.dtype), rows.T, rows.B
    found = shape(B, H)
    _, of_block = layouts(rows.gates.shape[1] // H, H, found.rows, dtype.itemsize)
    run = backward_of(cell, dtype.name, found.rows)
    (lengths, gates, unit, h, c, extra), (dh_above, *carried) = rows, gradients
    return _launch(run, found, of_block, T + 1, T, B, lengths, dh_above, W, unit, h, c, gates, extra, *carried)
