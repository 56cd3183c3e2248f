"""Twin of `cpu.recurrence`: all steps in one kernel (`walk`) where that fits and a step's product is small, or else a
library product with W_hh at each step, then the cell, a thread for each unit of each sequence.

Rows of all steps are one: row t * B + b of the gates is that of sequence b at step t, and its h and c before the step
are in the same row, those after it B rows further on.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, NamedTuple

from lstm_kernels.cell_table import CELLS, Cell
from lstm_kernels.cuda import persistent
from lstm_kernels.cuda.arrays import non_empty, view
from lstm_kernels.cuda.cell_step import backward_of, forward_of
from lstm_kernels.cuda.gemm import Packed, multiply
from lstm_kernels.cuda.launch import Array, cuda, kernel, one_by_one

WAYS = ("auto", "steps", "walk")
way = os.environ.get("LSTM_KERNELS_WALK", "auto")
"""Which is taken; set to compare them."""
SMALL = 2e8
"""Operations of a step's product up to which one kernel walks all steps: a guess, no GPU was there to measure on."""


def _walks(B: int, cell: Cell, h: Array) -> bool:
    R, H = len(cell.recurrent_gates), h.shape[1]
    fits = persistent.takes(cell) and persistent.fits(B, R, H, h.dtype.itemsize)
    return fits and (way == "walk" or (way == "auto" and 2.0 * B * R * H * H <= SMALL))


class PackedGates(Packed):
    """W_hh (RH, H), packed."""

    def __init__(self, H: int, R: int, precision: str) -> None:
        super().__init__(H, R * H, precision)


class Recurrence(NamedTuple):
    """One cell's walk over time; arguments as those of `cpu.recurrence.Recurrence`."""

    forward: Any
    backward: Any


@cache
def compiled(cell_name: str) -> Recurrence:
    """Return the recurrence of a cell, compiled when it is first called."""
    cell = CELLS[cell_name]
    return Recurrence(_forward_of(cell), _backward_of(cell))


def _forward_of(cell: Cell) -> Any:
    R, P, X, M = len(cell.recurrent_gates), len(cell.unit_params), cell.extra_blocks, len(cell.memories)
    unit_of = forward_of(cell)

    @kernel
    def units(t, B, lengths, gates, a_h, unit, h, c, extra):
        H = h.shape[1]
        for n in range(cuda.grid(1), B * H, cuda.gridsize(1)):
            b, j = n // H, n % H
            unit_of(t * B + b, B, j, t < lengths[b], gates, a_h, b, j, H, unit, h, c, extra)

    def forward(
        gates: Array, W_hh: PackedGates, unit: Array, h: Array, c: Array, extra: Array, lengths: Array,
        scratch: Array, threads: int,
    ) -> None:  # fmt: skip
        T, B, GH = gates.shape
        H = h.shape[2]
        flat, flat_h = gates.reshape(T * B, GH), h.reshape((T + 1) * B, H)
        flat_c = c.reshape((T + 1) * B, M * H) if M else flat_h
        more = extra.reshape(T * B, X * H) if X else flat
        of_units = unit.reshape(1, P * H) if P else scratch
        rest = (of_units, flat_h, flat_c, more)
        if not (_walks(B, cell, flat_h) and persistent.forward(cell.name, B, lengths, flat, W_hh.words, *rest)):
            for t in range(T):
                if R:
                    multiply(h[t], W_hh.words, scratch[:, : R * H], W_hh.precision)
                units[one_by_one(B * H)](t, B, lengths, flat, scratch, *rest)

    return forward


@kernel
def _add_up(partial, dunit):
    B, size = partial.shape
    for n in range(cuda.grid(1), size, cuda.gridsize(1)):
        total = dunit[0, n]
        for b in range(B):
            total += partial[b, n]
        dunit[0, n] = total


def _backward_of(cell: Cell) -> Any:
    G, P, X, M = len(cell.gates), len(cell.unit_params), cell.extra_blocks, len(cell.memories)
    unit_of = backward_of(cell)

    @kernel
    def units(t, T, B, lengths, dh_above, unit, h, c, gates, extra, dh, dc, partial):
        H = h.shape[1]
        for n in range(cuda.grid(1), B * H, cuda.gridsize(1)):
            b, j = n // H, n % H
            unit_of(t * B + b, b, B, j, t < lengths[b], t == T - 1, dh_above, unit, h, c, gates, extra, dh, dc, partial)

    def backward(
        dh_above: Array, W_hh: Array, unit: Array, h: Array, c: Array, gates: Array, extra: Array, lengths: Array,
        dh: Array, dc: Array, dunit: Array, scratch: Array, precision: str, threads: int,
    ) -> None:  # fmt: skip
        T, B, H = dh_above.shape
        flat, flat_h = gates.reshape(T * B, G * H), h.reshape((T + 1) * B, H)
        flat_c = c.reshape((T + 1) * B, M * H) if M else flat_h
        more = extra.reshape(T * B, X * H) if X else flat
        of_units = unit.reshape(1, P * H) if P else scratch
        # dunit is summed over time for each sequence by itself, then over sequences: always in the same order.
        partial = view(scratch.reshape(scratch.size), 0, (B, P * H)) if P else scratch
        above = dh_above.reshape(T * B, H)
        rest = (of_units, flat_h, flat_c, flat, more, dh, non_empty(dc, dh), partial)
        if not (_walks(B, cell, flat_h) and persistent.backward(cell.name, B, lengths, above, W_hh, *rest)):
            for t in range(T - 1, -1, -1):
                units[one_by_one(B * H)](t, T, B, lengths, above, *rest)
                for product in cell.products:
                    da = (extra if product.own else gates)[t]
                    columns, rows = (slice(n * H, (n + product.count) * H) for n in (product.first, product.row))
                    multiply(da[:, columns], W_hh[rows], dh, precision, add=True)
        if P:
            _add_up[one_by_one(P * H)](partial, dunit.reshape(1, P * H))

    return backward
