"""Every cell against the float64 reference and against central differences: outputs, states and all gradients."""

from __future__ import annotations

import numpy as np
import pytest
from lstm_kernels.cell_table import CELLS
from lstm_kernels.cpu import recurrence
from lstm_kernels.cpu.microkernel.registers import HAS_BFLOAT16
from lstm_kernels.cpu.packing import WIDE
from lstm_kernels.thread_pool import MAX_THREADS
from support.gradcheck import assert_gradients_agree
from support.layer_cases import (
    assert_agrees_with_central_differences,
    assert_agrees_with_reference,
    assert_float32_agrees,
    assert_lengths_hold,
    case,
    reference,
    run_layer,
)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("T", "B", "D", "H"), [(5, 3, 4, 7), (1, 1, 1, 1), (3, 4, 2, 1), (9, 7, 3, 33)])
@pytest.mark.parametrize("cell", CELLS)
def test_agrees_with_reference(cell, T, B, D, H, threads):
    assert_agrees_with_reference(cell, case(cell, T, B, D, H), threads=threads)


@pytest.mark.parametrize("cell", CELLS)
def test_agrees_with_central_differences(cell):
    assert_agrees_with_central_differences(cell, case(cell, 3, 2, 2, 3))


@pytest.mark.parametrize("cell", CELLS)
def test_float32_is_the_same_to_its_precision(cell):
    assert_float32_agrees(cell, case(cell, 9, 7, 5, 70, np.float32))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("T", "B", "D", "H"), [(1, 1, 3, 1), (5, 3, 4, 7), (3, 33, 5, 130)])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("precision", ["bfloat16"] * HAS_BFLOAT16)
def test_bfloat16_is_the_same_to_its_precision(precision, cell, T, B, D, H, threads):
    """Numbers in products have 8 bits, so that each is off by up to 2^-9; nothing else is rounded to them."""
    *args, dc_last = case(cell, T, B, D, H, np.float32)
    if cell == "slstm":
        # The gradient of a stabiliser is that of the larger of two sides, which rounding may swap; training has none.
        dc_last = np.zeros_like(dc_last)
    args.append(dc_last)
    h, c, _, grads = run_layer(cell, *args, threads=threads, precision=precision)
    h_ref, c_ref, _, grads_ref = reference(cell, args[0], args[1].astype(np.float64), *args[2:])
    assert h.dtype == c.dtype == np.float32
    pairs = {"h": (h, h_ref), "c": (c, c_ref)}
    pairs |= {name: (grads[name], grads_ref[name]) for name in ("W_ih", "W_hh", "b", "unit", "x", "h0")}
    for name, (found, expected) in pairs.items():
        # A single number may be a small difference of large ones, hence the 1.
        assert np.linalg.norm(found - expected) <= 0.02 * (1 + np.linalg.norm(expected)), name


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("T", "B", "H"), [(2, 1, 130), (1, 33, 7), (2, 33, 130)])
@pytest.mark.parametrize("cell", CELLS)
def test_odd_sizes_in_float32(cell, T, B, H, threads):
    args = case(cell, T, B, 3, H, np.float32)
    h, _, _, grads = run_layer(cell, *args, threads=threads)
    h_ref, _, _, grads_ref = reference(cell, args[0], args[1].astype(np.float64), *args[2:])
    np.testing.assert_allclose(h, h_ref, atol=5e-6)
    for name in ("W_ih", "W_hh", "b", "unit", "x", "h0"):
        assert_gradients_agree(grads[name], grads_ref[name], 1e-5)


@pytest.mark.parametrize("cell", ["peephole", "gru"])
def test_repeated_runs_give_the_same_bits(cell):
    args = case(cell, 4, 5, 3, 9)
    for threads in (1, 2):
        first, second = (run_layer(cell, *args, threads=threads) for _ in range(2))
        assert all(a.tobytes() == b.tobytes() for a, b in zip(first[:3], second[:3], strict=True))
        assert all(first[3][name].tobytes() == second[3][name].tobytes() for name in first[3])


@pytest.mark.parametrize("precision", ["float32", "float64"] + ["bfloat16"] * HAS_BFLOAT16)
@pytest.mark.parametrize("cell", CELLS)
def test_results_are_the_same_when_units_are_split_among_threads(cell, precision, monkeypatch):
    """Threads split the units where W_hh is large; sums keep the order that one thread has."""
    args = case(cell, 4, 5, 3, 2 * max(WIDE.values()) + 7, np.float64 if precision == "float64" else np.float32)
    alone = run_layer(cell, *args, precision=precision)
    monkeypatch.setattr(recurrence, "MIN_SPLIT_BYTES", 0)
    for threads in range(1, min(MAX_THREADS, 3) + 1):
        shared = run_layer(cell, *args, threads=threads, precision=precision)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(alone[:3], shared[:3], strict=True))
        assert all(alone[3][name].tobytes() == shared[3][name].tobytes() for name in alone[3])


@pytest.mark.parametrize("cell", CELLS)
def test_two_windows_equal_one_long_window(cell):
    """Two windows with the state carried equal one long window."""
    layer, x, h0, c0, *above = case(cell, 6, 2, 3, 5)
    h, c, _, _ = run_layer(cell, layer, x, h0, c0, *above)
    h_1, c_1, _, _ = run_layer(cell, layer, x[:2].copy(), h0, c0, above[0][:2], *above[1:])
    h_2, c_2, _, _ = run_layer(cell, layer, x[2:].copy(), h_1[-1], c_1[-1], above[0][2:], *above[1:])
    assert h_2[-1].tobytes() == h[-1].tobytes()
    assert c_2[-1].tobytes() == c[-1].tobytes()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_shorter_sequences_are_computed_as_if_alone(cell, threads):
    assert_lengths_hold(cell, threads=threads)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_input_reaches_the_output(cell, bad):
    """A NaN reaches the output; an infinity may saturate a gate, but never leaves it undefined in silence."""
    layer, x, *rest = case(cell, 2, 1, 3, 4, np.float32)
    x[0, 0, 1] = bad
    h = run_layer(cell, layer, x, *rest)[0]
    if np.isnan(bad):
        assert np.isnan(h[1:]).all()
    else:
        assert np.abs(h[1:][np.isfinite(h[1:])]).max(initial=0) <= 1 + np.abs(h[0]).max()
