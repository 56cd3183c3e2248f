"""One unit of one sequence at one step, from and to arrays whose rows hold gates one after the other, H units each.

Compiled code needs tuples of constant length, hence a function to read and write for each that occurs.
"""

from __future__ import annotations

from typing import Any

from lstm_kernels.activations import zero
from lstm_kernels.cells import Cell
from lstm_kernels.cuda.launch import inlined


@inlined
def _read0(a, row, j, H):
    return ()


@inlined
def _read1(a, row, j, H):
    return (a[row, j],)


@inlined
def _read3(a, row, j, H):
    return a[row, j], a[row, H + j], a[row, 2 * H + j]


@inlined
def _read4(a, row, j, H):
    return a[row, j], a[row, H + j], a[row, 2 * H + j], a[row, 3 * H + j]


@inlined
def _saved1(a, more, row, j, H):
    return (a[row, j],)


@inlined
def _saved3(a, more, row, j, H):
    return a[row, j], a[row, H + j], a[row, 2 * H + j]


@inlined
def _saved4(a, more, row, j, H):
    return a[row, j], a[row, H + j], a[row, 2 * H + j], a[row, 3 * H + j]


@inlined
def _saved3_1(a, more, row, j, H):
    return a[row, j], a[row, H + j], a[row, 2 * H + j], more[row, j]


@inlined
def _write1(a, more, row, j, H, values):
    a[row, j] = values[0]


@inlined
def _write3(a, more, row, j, H, values):
    a[row, j] = values[0]
    a[row, H + j] = values[1]
    a[row, 2 * H + j] = values[2]


@inlined
def _write4(a, more, row, j, H, values):
    a[row, j] = values[0]
    a[row, H + j] = values[1]
    a[row, 2 * H + j] = values[2]
    a[row, 3 * H + j] = values[3]


@inlined
def _write3_1(a, more, row, j, H, values):
    a[row, j] = values[0]
    a[row, H + j] = values[1]
    a[row, 2 * H + j] = values[2]
    more[row, j] = values[3]


@inlined
def _add0(a, row, j, H, values):
    pass


@inlined
def _add1(a, row, j, H, values):
    a[row, j] += values[0]


@inlined
def _add3(a, row, j, H, values):
    a[row, j] += values[0]
    a[row, H + j] += values[1]
    a[row, 2 * H + j] += values[2]


READ = {0: _read0, 1: _read1, 3: _read3, 4: _read4}
SAVED = {(1, 0): _saved1, (3, 0): _saved3, (4, 0): _saved4, (3, 1): _saved3_1}
WRITE = {(1, 0): _write1, (3, 0): _write3, (4, 0): _write4, (3, 1): _write3_1}
ADD = {0: _add0, 1: _add1, 3: _add3}


def forward_of(cell: Cell) -> Any:
    """Return forward(row, B, j, gates, products, at, first, width, unit, h, c, extra): unit j of a row, t * B + b.

    products  of W_hh and h: the gates of this unit stand in row `at`, from column `first` on, `width` apart
    the rest  as `recurrence` has it
    """
    step, has_c = inlined(cell.forward), cell.has_c
    read_gates, read_unit = READ[len(cell.gates)], READ[len(cell.unit_params)]
    write_saved = WRITE[len(cell.gates), len(cell.saved) - len(cell.gates)]

    @inlined
    def forward(row, B, j, gates, products, at, first, width, unit, h, c, extra):
        H = h.shape[1]
        h_prev = h[row, j]
        values, h_j, c_j = step(
            read_gates(gates, row, j, H),
            read_gates(products, at, first, width),
            read_unit(unit, 0, j, H),
            h_prev,
            c[row, j] if has_c else zero(h_prev),
        )
        write_saved(gates, extra, row, j, H, values)
        h[row + B, j] = h_j
        if has_c:
            c[row + B, j] = c_j

    return forward


def backward_of(cell: Cell) -> Any:
    """Return backward(row, b, B, j, begins, dh_above, unit, h, c, gates, extra, dh, dc, partial): unit j of a row.

    begins   whether this is the last step, with which `partial` begins
    partial  (B, P H), the gradient of `unit` by sequence
    """
    G, P, has_c, split = len(cell.gates), len(cell.unit_params), cell.has_c, cell.split
    step, add_unit = inlined(cell.backward), ADD[P]
    read_saved, read_unit, write_gates = SAVED[G, len(cell.saved) - G], READ[P], WRITE[G, 0]

    @inlined
    def backward(row, b, B, j, begins, dh_above, unit, h, c, gates, extra, dh, dc, partial):
        H = h.shape[1]
        dh_j = dh[b, j]
        none = zero(dh_j)
        da_x_j, da_h_j, dp, dh_j, dc_j = step(
            dh_above[row, j] + dh_j,
            dc[b, j] if has_c else none,
            read_saved(gates, extra, row, j, H),
            read_unit(unit, 0, j, H),
            h[row, j],
            c[row, j] if has_c else none,
            c[row + B, j] if has_c else none,
        )
        write_gates(gates, extra, row, j, H, da_x_j)
        if split:
            extra[row, j] = da_h_j[G - 1]
        if P > 0:
            if begins:
                for p in range(P):
                    partial[b, p * H + j] = none
            add_unit(partial, b, j, H, dp)
        dh[b, j] = dh_j
        if has_c:
            dc[b, j] = dc_j

    return backward
