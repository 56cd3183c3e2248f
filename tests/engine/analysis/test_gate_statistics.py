"""Saturation and activations are those of the gates in the last window."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from lstm_kernels.cell_table import CELLS

from lstmtui.engine.analysis import gate_statistics
from lstmtui.runs.snapshot import QUANTILES


def network(cell: str, value: float) -> SimpleNamespace:
    """Return one layer of two units whose gates have one value throughout 3 steps of 4 sequences."""
    gates = np.full((3, 4, len(CELLS[cell].gates), 2), value, np.float32)
    return SimpleNamespace(cell=CELLS[cell], gates=lambda: [gates])


@pytest.mark.parametrize(("value", "left", "right"), [(0.05, [1, 1, 0, 1], [0] * 4), (0.95, [0] * 4, [1] * 4)])
def test_a_tanh_gate_saturates_near_minus_one_and_the_others_near_zero(value, left, right):
    found = gate_statistics.saturation(network("lstm", value))
    for name, expected in (("left", left), ("right", right)):
        np.testing.assert_array_equal(found[name], np.repeat(expected, 2).reshape(1, 4, 2))


@pytest.mark.parametrize("shape", [(64, 32, 3, 40), (1, 1, 3, 1)])
def test_quantiles_are_those_of_all_values_of_a_gate(shape):
    gates = np.random.default_rng(1).uniform(0, 1, shape).astype(np.float32)
    gates[:, :, 2] -= 1
    (found,) = gate_statistics.saturation(SimpleNamespace(cell=CELLS["gru"], gates=lambda: [gates]))["quantiles"]
    expected = np.quantile(gates.swapaxes(1, 2).swapaxes(0, 1).reshape(3, -1), QUANTILES, axis=1).T
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_the_window_is_that_of_the_first_sequence():
    window = gate_statistics.gate_window(network("gru", 0.5))
    assert window.shape == (1, 3, 3, 2)
    assert window.dtype == np.float16


def test_the_update_ratio_is_relative_to_the_weights():
    before = np.full(4, 2.0, np.float32)
    assert gate_statistics.update_ratio(before, before * 1.01) == pytest.approx(0.01, rel=1e-4)
    assert gate_statistics.update_ratio(np.zeros(4), np.zeros(4)) == 0
