"""The table of cells is what other parts rely on: names, orders and counts."""

from __future__ import annotations

import naive
import pytest
from lstm_kernels.cells import CELLS


def test_orders_are_pytorchs():
    assert {name: cell.gates for name, cell in CELLS.items()} == {
        "rnn": ("h",),
        "lstm": ("i", "f", "g", "o"),
        "peephole": ("i", "f", "g", "o"),
        "coupled": ("i", "g", "o"),
        "gru": ("r", "z", "n"),
    }


@pytest.mark.parametrize("name", CELLS)
def test_entry_is_consistent(name):
    cell = CELLS[name]
    assert cell.name == name
    assert cell.saved[: len(cell.gates)] == cell.gates
    assert set(cell.sigmoid_gates) <= set(cell.gates)
    assert len(cell.gates) == naive.GATES[name]
    assert len(cell.unit_params) == naive.UNIT_PARAMS[name]
    assert cell.has_c == naive.HAS_C[name]
    assert cell.title
    assert cell.citation


@pytest.mark.parametrize("name", CELLS)
def test_scalar_functions_run_uncompiled(name):
    """One unit in plain Python, as a reader would try it: the gradient of h by a_x matches a difference."""
    cell = CELLS[name]
    G, P = len(cell.gates), len(cell.unit_params)
    a_x, a_h, p = (0.3, -0.2, 0.5, 0.1)[:G], (0.1, 0.4, -0.3, 0.2)[:G], (0.2, -0.1, 0.3)[:P]
    saved, h, c = cell.forward(a_x, a_h, p, 0.4, -0.6)
    assert len(saved) == len(cell.saved)
    da_x, da_h, dp, _, _ = cell.backward(1.0, 0.0, saved, p, 0.4, -0.6, c)
    assert (len(da_x), len(da_h), len(dp)) == (G, G, P)
    for gate in range(G):
        moved = tuple(value + 1e-6 * (at == gate) for at, value in enumerate(a_x))
        assert (cell.forward(moved, a_h, p, 0.4, -0.6)[1] - h) / 1e-6 == pytest.approx(da_x[gate], abs=1e-5)
