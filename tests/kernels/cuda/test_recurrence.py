"""Every cell on the GPU, or its simulator, as on the processor: against the reference and central differences."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cell_table import CELLS
from lstm_kernels.cuda import block_gemm, persistent, recurrence
from lstm_kernels.cuda.block_gemm import MAX_ROWS, UNITS
from support.cuda_kernels import CUDA
from support.layer_cases import (
    assert_agrees_with_central_differences,
    assert_agrees_with_reference,
    assert_float32_agrees,
    assert_lengths_hold,
    case,
    run_layer,
)


@pytest.fixture(params=["steps", "persistent"])
def mode(request, monkeypatch):
    """A product and a kernel for each step, or one kernel for all steps."""
    monkeypatch.setattr(recurrence, "mode", request.param)


@pytest.mark.parametrize(("T", "B", "D", "H"), [(3, 3, 2, 5), (1, 1, 1, 1)])
@pytest.mark.parametrize("cell", CELLS)
def test_agrees_with_reference(mode, cell, T, B, D, H):
    assert_agrees_with_reference(cell, case(cell, T, B, D, H), on=CUDA)


@pytest.mark.parametrize("cell", CELLS)
def test_agrees_with_central_differences(cell):
    assert_agrees_with_central_differences(cell, case(cell, 2, 1, 1, 2), on=CUDA)


@pytest.mark.parametrize("cell", CELLS)
def test_float32_is_the_same_to_its_precision(mode, cell):
    assert_float32_agrees(cell, case(cell, 2, 2, 3, 5, np.float32), on=CUDA)


@pytest.mark.parametrize("cell", CELLS)
def test_shorter_sequences_are_computed_as_if_alone(mode, cell):
    assert_lengths_hold(cell, on=CUDA)


def smallest_layout(terms, columns, rows, room):
    """Return the layout with the fewest terms in shared memory."""
    return next(found for size in range(room) if (found := block_gemm.layout(terms, columns, rows, size)))


@pytest.mark.parametrize("B", [3, 5])
@pytest.mark.parametrize("cell", CELLS)
def test_a_persistent_kernel_of_many_blocks_agrees_with_the_reference(cell, B, monkeypatch):
    """Several blocks of units and two of sequences, the last of each with less to do; sums are taken in parts."""
    G, H = len(CELLS[cell].gates), 2 * UNITS + UNITS // 2
    monkeypatch.setattr(recurrence, "mode", "persistent")
    monkeypatch.setattr(persistent, "multiprocessors", lambda: 6)
    monkeypatch.setattr(block_gemm, "MIN_DEPTH", 2)
    monkeypatch.setattr(persistent, "layout", smallest_layout)
    found = persistent.shape(B, H)
    assert (found.slices, found.shares) == (3, 2)
    assert smallest_layout(G * H, UNITS, found.rows, 1 << 20).depth == 2
    assert_agrees_with_reference(cell, case(cell, 3, B, 2, H), on=CUDA)


def test_the_persistent_kernel_needs_room_for_rows_and_units(monkeypatch):
    monkeypatch.setattr(persistent, "multiprocessors", lambda: 6)
    monkeypatch.setattr(persistent, "max_shared", lambda: 227 << 10)
    assert persistent.fits(MAX_ROWS, 4, 6 * UNITS, 4)
    assert not persistent.fits(MAX_ROWS + 1, 4, 6 * UNITS, 4)
    assert not persistent.fits(1, 4, 7 * UNITS, 4)
    monkeypatch.setattr(persistent, "max_shared", lambda: 4 * 4 * UNITS * 6 * UNITS)  # the weights alone
    assert not persistent.fits(1, 4, 6 * UNITS, 4)


def test_recurrence_falls_back_to_steps_where_shared_memory_is_refused(monkeypatch):
    monkeypatch.setattr(recurrence, "mode", "persistent")
    monkeypatch.setattr(persistent, "allow_shared", lambda *_: False)
    assert_agrees_with_reference("gru", case("gru", 2, 2, 2, 3), on=CUDA)


@pytest.mark.parametrize("cell", ["peephole", "gru"])
def test_agrees_with_the_processor(cell):
    """Not bit for bit: sums are in another order, and a GPU rounds a product and its sum once."""
    args = case(cell, 2, 3, 2, 3)
    for found, expected in zip(run_layer(cell, *args, on=CUDA)[:3], run_layer(cell, *args)[:3], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
