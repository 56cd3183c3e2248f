"""Every cell on the GPU, or its simulator, as on the processor: against the reference and central differences."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cell_table import CELLS
from lstm_kernels.cuda import block_gemm, persistent, recurrence
from lstm_kernels.cuda.block_gemm import MOST_ROWS, UNITS
from support.cuda_kernels import CUDA
from support.layer_cases import (
    assert_agrees_with_central_differences,
    assert_agrees_with_reference,
    assert_float32_agrees,
    assert_lengths_hold,
    case,
    run_layer,
)


@pytest.fixture(params=["steps", "walk"])
def way(request, monkeypatch):
    """A product at each step, or all steps in one kernel."""
    monkeypatch.setattr(recurrence, "way", request.param)


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


@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_that_ends_early_is_as_if_it_were_alone(way, cell):
    assert_lengths_hold(cell, on=CUDA)


def as_little_as_it_takes(terms, columns, rows, room):
    """Return the layout with the fewest terms at once."""
    return next(found for size in range(room) if (found := block_gemm.layout(terms, columns, rows, size)))


@pytest.mark.parametrize("B", [3, 5])
@pytest.mark.parametrize("cell", CELLS)
def test_a_walk_of_many_blocks(cell, B, monkeypatch):
    """Several of units and two of sequences, the last of each with less to do, and sums that are taken in parts."""
    G, H = len(CELLS[cell].gates), 2 * UNITS + UNITS // 2
    monkeypatch.setattr(recurrence, "way", "walk")
    monkeypatch.setattr(persistent, "multiprocessors", lambda: 6)
    monkeypatch.setattr(block_gemm, "SHALLOWEST", 2)
    monkeypatch.setattr(persistent, "layout", as_little_as_it_takes)
    found = persistent.shape(B, H)
    assert (found.slices, found.shares) == (3, 2)
    assert as_little_as_it_takes(G * H, UNITS, found.rows, 1 << 20).depth == 2
    assert_agrees_with_reference(cell, case(cell, 3, B, 2, H), on=CUDA)


def test_what_fits(monkeypatch):
    monkeypatch.setattr(persistent, "multiprocessors", lambda: 6)
    monkeypatch.setattr(persistent, "most_shared", lambda: 227 << 10)
    assert persistent.fits(MOST_ROWS, 4, 6 * UNITS, 4)
    assert not persistent.fits(MOST_ROWS + 1, 4, 6 * UNITS, 4)
    assert not persistent.fits(1, 4, 7 * UNITS, 4)
    monkeypatch.setattr(persistent, "most_shared", lambda: 4 * 4 * UNITS * 6 * UNITS)  # the weights alone
    assert not persistent.fits(1, 4, 6 * UNITS, 4)


def test_a_walk_that_may_not_begin_goes_step_by_step(monkeypatch):
    monkeypatch.setattr(recurrence, "way", "walk")
    monkeypatch.setattr(persistent, "ask_for_shared", lambda *_: False)
    assert_agrees_with_reference("gru", case("gru", 2, 2, 2, 3), on=CUDA)


@pytest.mark.parametrize("cell", ["peephole", "gru"])
def test_the_processor_gets_the_same(cell):
    """Not bit for bit: sums are in another order, and a GPU rounds a product and its sum once."""
    args = case(cell, 2, 3, 2, 3)
    for found, expected in zip(run_layer(cell, *args, on=CUDA)[:3], run_layer(cell, *args)[:3], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
