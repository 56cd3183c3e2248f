"""Twin of `cpu.recurrence`: one kernel for all steps (`persistent`) where it fits and a step's product is small.

Otherwise each step is a library product with W_hh, then the cell, with a thread for each unit of each sequence.

Rows of all steps form one array: row t * B + b of the gates is sequence b at step t; its h and c before the step are in
the same row, those after the step B rows further on.
"""

from __future__ import annotations

import os
from functools import cache

from lstm_kernels.cell_table import CELLS, Cell
from lstm_kernels.cuda import persistent
from lstm_kernels.cuda.arrays import non_empty, view
from lstm_kernels.cuda.cell_step import backward_of, forward_of
from lstm_kernels.cuda.gemm import Packed, multiply
from lstm_kernels.cuda.launch import Array, cuda, elementwise_grid, kernel
from lstm_kernels.cuda.persistent import RowGradients, Rows
from lstm_kernels.interface import Backward, Forward, PackedMatrix, Recurrence, StateGradients, Steps

mode = os.environ.get("LSTM_KERNELS_RECURRENCE", "auto")
"""steps: a product and a kernel for each step; persistent: one kernel for all steps, where it fits; auto: by size."""
MAX_STEP_FLOPS = 2e8
"""Operations of a step's product up to which auto takes the persistent kernel. A guess: not measured on a GPU yet."""


def _is_persistent(B: int, cell: Cell, h: Array) -> bool:
    R, H = len(cell.recurrent_gates), h.shape[1]
    fits = persistent.supports(cell) and persistent.fits(B, R, H, h.dtype.itemsize)
    return fits and (mode == "persistent" or (mode == "auto" and 2.0 * B * R * H * H <= MAX_STEP_FLOPS))


class PackedGates(Packed):
    """W_hh (RH, H), packed."""

    def __init__(self, H: int, R: int, precision: str) -> None:
        super().__init__(H, R * H, precision)


@cache
def compiled(cell_name: str) -> Recurrence:
    """Return the recurrence of a cell, compiled when it is first called."""
    cell = CELLS[cell_name]
    return Recurrence(_forward_of(cell), _backward_of(cell))


def _rows_of(cell: Cell, steps: Steps, unit: Array) -> Rows:
    """Return the arrays of a layer with the rows of all steps one after the other."""
    gates, h, c, extra, lengths, scratch = steps
    (T, B, _), H = gates.shape, h.shape[2]
    P, X, M = len(cell.unit_params), cell.extra_blocks, len(cell.memories)
    flat, flat_h = gates.reshape(T * B, gates.shape[2]), h.reshape((T + 1) * B, H)
    return Rows(
        lengths,
        flat,
        unit.reshape(1, P * H) if P else scratch,
        flat_h,
        c.reshape((T + 1) * B, M * H) if M else flat_h,
        extra.reshape(T * B, X * H) if X else flat,
    )


def _forward_of(cell: Cell) -> Forward:
    R = len(cell.recurrent_gates)
    unit_of = forward_of(cell)

    @kernel
    def units(t, B, lengths, gates, a_h, unit, h, c, extra):
        H = h.shape[1]
        for n in range(cuda.grid(1), B * H, cuda.gridsize(1)):
            b, j = n // H, n % H
            unit_of(t * B + b, B, j, t < lengths[b], gates, a_h, b, j, H, unit, h, c, extra)

    def forward(steps: Steps, W_hh: PackedMatrix, unit: Array, threads: int) -> None:
        (T, B, _), h, scratch = steps.gates.shape, steps.h, steps.scratch
        H, rows = h.shape[2], _rows_of(cell, steps, unit)
        if _is_persistent(B, cell, rows.h) and persistent.forward(cell.name, rows, W_hh.words):
            return
        for t in range(T):
            if R:
                multiply(h[t], W_hh.words, scratch[:, : R * H], W_hh.precision)
            units[elementwise_grid(B * H)](
                t, B, rows.lengths, rows.gates, scratch, rows.unit, rows.h, rows.c, rows.extra
            )

    return forward


@kernel
def _add_up(partial, dunit):
    B, size = partial.shape
    for n in range(cuda.grid(1), size, cuda.gridsize(1)):
        total = dunit[0, n]
        for b in range(B):
            total += partial[b, n]
        dunit[0, n] = total


def _backward_of(cell: Cell) -> Backward:
    P, unit_of = len(cell.unit_params), backward_of(cell)

    @kernel
    def units(t, T, B, lengths, dh_above, unit, h, c, gates, extra, dh, dc, partial):
        H = h.shape[1]
        for n in range(cuda.grid(1), B * H, cuda.gridsize(1)):
            b, j = n // H, n % H
            unit_of(t * B + b, b, B, j, t < lengths[b], t == T - 1, dh_above, unit, h, c, gates, extra, dh, dc, partial)

    def backward(
        dh_above: Array, steps: Steps, W_hh: Array, unit: Array, dstates: StateGradients, dunit: Array, precision: str,
        threads: int,
    ) -> None:  # fmt: skip
        (T, B, H), rows, scratch = dh_above.shape, _rows_of(cell, steps, unit), steps.scratch
        dh, dc = dstates.dh, non_empty(dstates.dc, dstates.dh)
        # dunit is summed over time for each sequence by itself, then over sequences: always in the same order.
        partial = view(scratch.reshape(scratch.size), 0, (B, P * H)) if P else scratch
        gradients = RowGradients(dh_above.reshape(T * B, H), dh, dc, partial)
        if not (_is_persistent(B, cell, rows.h) and persistent.backward(cell.name, rows, W_hh, gradients)):
            for t in range(T - 1, -1, -1):
                units[elementwise_grid(B * H)](
                    t, T, B, rows.lengths, gradients.dh_above, rows.unit, rows.h, rows.c, rows.gates, rows.extra, dh,
                    dc, partial,
                )  # fmt: skip
                for product in cell.products:
                    da = (steps.extra if product.own else steps.gates)[t]
                    columns, of = (slice(n * H, (n + product.count) * H) for n in (product.first, product.row))
                    multiply(da[:, columns], W_hh[of], dh, precision, add=True)
        if P:
            _add_up[elementwise_grid(P * H)](partial, dunit.reshape(1, P * H))

    return backward
