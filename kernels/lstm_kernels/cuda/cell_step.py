"""One unit of one sequence at one step, from and to arrays whose rows hold gates one after the other, H units each."""

from __future__ import annotations

from functools import cache
from typing import Any

from lstm_kernels.activations import zero
from lstm_kernels.cell_table import CELLS, Cell
from lstm_kernels.cells import functions_of
from lstm_kernels.cells.access import Access, access_of
from lstm_kernels.cuda.launch import inlined


# A row holds H units' values of one kind, then those of the next.
def _load(kind: str, k: int) -> Any:
    @inlined
    def load(a, row, j, H):
        return a[row, k * H + j]

    return load


def _store(kind: str, k: int) -> Any:
    @inlined
    def store(a, row, j, H, value):
        a[row, k * H + j] = value

    return store


@cache
def access(cell_name: str) -> Access:
    """Return the functions that access the values of a unit in rows of K H numbers."""
    return access_of(CELLS[cell_name], inlined, _load, _store)


def forward_of(cell: Cell) -> Any:
    """Return forward(row, B, j, active, gates, products, at, first, width, unit, h, c, extra): unit j of row t * B + b.

    active    whether the sequence has this step
    products  of W_hh and h: the gates of this unit are in row `at`, from column `first` on, `width` apart
    others    as in `recurrence`
    """
    G, X, step, a = len(cell.gates), cell.extra_blocks, inlined(functions_of(cell).forward), access(cell.name)
    read_gates, read_recurrent, read_unit, read_memory = a.gates, a.recurrent, a.unit, a.memory
    write_gates, write_saved, write_memory = a.write_gates, a.write_saved, a.write_memory

    @inlined
    def forward(row, B, j, active, gates, products, at, first, width, unit, h, c, extra):
        H = h.shape[1]
        h_prev = h[row, j]
        if not active:
            for g in range(G):
                gates[row, g * H + j] = zero(h_prev)
            for x in range(X):
                extra[row, x * H + j] = zero(h_prev)
            h[row + B, j] = h_prev
            write_memory(c, row + B, j, H, read_memory(c, row, j, H))
            return
        saved, h_j, memory = step(
            read_gates(gates, row, j, H),
            read_recurrent(products, at, first, width, h_prev),
            read_unit(unit, 0, j, H),
            h_prev,
            read_memory(c, row, j, H),
        )
        write_gates(gates, row, j, H, saved)
        write_saved(extra, row, j, H, saved)
        h[row + B, j] = h_j
        write_memory(c, row + B, j, H, memory)

    return forward


def backward_of(cell: Cell) -> Any:
    """Return backward(row, b, B, j, active, begins, dh_above, unit, h, c, gates, extra, dh, dc, partial) of a unit.

    active   as for forward
    begins   whether this is the last step, where `partial` is set to 0
    partial  (B, P H), the gradient of `unit` by sequence
    """
    G, X, P = len(cell.gates), cell.extra_blocks, len(cell.unit_params)
    step, a = inlined(functions_of(cell).backward), access(cell.name)
    read_saved, read_unit, read_memory, read_dmemory = a.saved, a.unit, a.memory, a.dmemory
    write_gates, write_own, write_dmemory, add_unit = a.write_gates, a.write_own, a.write_dmemory, a.add_unit

    @inlined
    def backward(row, b, B, j, active, begins, dh_above, unit, h, c, gates, extra, dh, dc, partial):
        H = h.shape[1]
        dh_j = dh[b, j]
        if P > 0 and begins:
            for p in range(P):
                partial[b, p * H + j] = zero(dh_j)
        if not active:
            for g in range(G):
                gates[row, g * H + j] = zero(dh_j)
            for x in range(X):
                extra[row, x * H + j] = zero(dh_j)
            dh[b, j] = dh_j + dh_above[row, j]
            return
        da_x, da_h, dp, dh_prev, dmemory = step(
            dh_above[row, j] + dh_j,
            read_dmemory(dc, b, j, H),
            read_saved(gates, extra, row, j, H),
            read_unit(unit, 0, j, H),
            h[row, j],
            read_memory(c, row, j, H),
            read_memory(c, row + B, j, H),
        )
        write_gates(gates, row, j, H, da_x)
        write_own(extra, row, j, H, da_h)
        if P > 0:
            add_unit(partial, b, j, H, dp)
        dh[b, j] = dh_prev
        write_dmemory(dc, b, j, H, dmemory)

    return backward
