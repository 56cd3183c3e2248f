"""Every cell on the GPU, or its simulator, as on the processor: against the reference and central differences."""

from __future__ import annotations

import numpy as np
import pytest
from kernels_cuda import CUDA, record_from_the_first
from kernels_network import (
    assert_agrees_with_central_differences,
    assert_agrees_with_reference,
    assert_float32_agrees,
    case,
    run_layer,
)
from lstm_kernels.cells import CELLS
from lstm_kernels.cuda import recurrence, walk


@pytest.fixture(params=["steps", "graph", "walk", "held"])
def way(request, monkeypatch):
    """A product at each step, also recorded; all steps in one kernel, weights read each time or held by its blocks."""
    if request.param == "graph":
        record_from_the_first(monkeypatch)
        return
    monkeypatch.setattr(recurrence, "way", "steps" if request.param == "steps" else "walk")
    monkeypatch.setattr(walk, "SHARED", walk.SHARED if request.param == "held" else 0)


@pytest.mark.parametrize(("T", "B", "D", "H"), [(3, 3, 2, 5), (1, 1, 1, 1)])
@pytest.mark.parametrize("cell", CELLS)
def test_agrees_with_reference(way, cell, T, B, D, H):
    assert_agrees_with_reference(cell, case(cell, T, B, D, H), on=CUDA)


@pytest.mark.parametrize("cell", CELLS)
def test_agrees_with_central_differences(cell):
    assert_agrees_with_central_differences(cell, case(cell, 2, 1, 1, 2), on=CUDA)


@pytest.mark.parametrize("cell", CELLS)
def test_float32_is_the_same_to_its_precision(way, cell):
    assert_float32_agrees(cell, case(cell, 2, 2, 3, 5, np.float32), on=CUDA)


@pytest.mark.parametrize("cell", ["peephole", "gru"])
def test_the_processor_gets_the_same(cell):
    """Not bit for bit: sums are in another order, and a GPU rounds a product and its sum once."""
    args = case(cell, 2, 3, 2, 3)
    for found, expected in zip(run_layer(cell, *args, on=CUDA)[:3], run_layer(cell, *args)[:3], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
