"""The table of cells: names, orders and counts that other parts rely on."""

from __future__ import annotations

import pytest
from lstm_kernels.cell_table import CELLS
from lstm_kernels.cells import functions_of
from support import naive


def test_orders_are_pytorchs():
    assert {name: cell.gate_names for name, cell in CELLS.items()} == {
        "rnn": ("h",),
        "lstm": ("i", "f", "g", "o"),
        "peephole": ("i", "f", "g", "o"),
        "coupled": ("i", "g", "o"),
        "gru": ("r", "z", "n"),
        "slstm": ("i", "f", "z", "o"),
        "mingru": ("z", "n"),
    }


@pytest.mark.parametrize("name", CELLS)
def test_entry_is_consistent(name):
    cell = CELLS[name]
    assert cell.name == name
    assert len(cell.gates) == naive.GATES[name]
    assert len(cell.recurrent_gates) == naive.RECURRENT[name]
    assert len(cell.unit_params) == naive.UNIT_PARAMS[name]
    assert len(cell.memories) == naive.MEMORIES[name]
    assert cell.memory_gate is None or cell.memory_gate.gate in cell.gate_names
    assert cell.hint
    assert cell.title
    assert cell.citation


@pytest.mark.parametrize("name", CELLS)
def test_scalar_functions_run_uncompiled(name):
    """One unit in plain Python, as a reader would try it: the gradient of h by a_x matches a difference."""
    cell = CELLS[name]
    functions = functions_of(cell)
    G, P, memory = len(cell.gates), len(cell.unit_params), (-0.6, 0.7, 0.1)[: len(cell.memories)]
    a_x, a_h, p = (0.3, -0.2, 0.5, 0.1)[:G], (0.1, 0.4, -0.3, 0.2)[:G], (0.2, -0.1, 0.3)[:P]
    saved, h, after = functions.forward(a_x, a_h, p, 0.4, memory)
    assert len(saved) == G + len(cell.saved)
    dmemory = (0.0,) * len(memory)
    da_x, da_h, dp, _, dbefore = functions.backward(1.0, dmemory, saved, p, 0.4, memory, after)
    assert (len(da_x), len(da_h), len(dp), len(dbefore)) == (G, G, P, len(memory))
    for gate in range(G):
        moved = tuple(value + 1e-6 * (at == gate) for at, value in enumerate(a_x))
        assert (functions.forward(moved, a_h, p, 0.4, memory)[1] - h) / 1e-6 == pytest.approx(da_x[gate], abs=1e-5)
