"""Every cell on the GPU, or its simulator, as on the processor: against the reference and central differences."""

from __future__ import annotations

import numpy as np
import pytest
from gradcheck import assert_gradients_agree, numerical_gradient
from kernels_cuda import CUDA
from kernels_network import case, reference, run_layer
from lstm_kernels.cells import CELLS
from lstm_kernels.cuda import recurrence, walk


@pytest.fixture(params=["steps", "walk", "held"])
def way(request, monkeypatch):
    """A product at each step; all steps in one kernel, weights read each time; and weights held in shared memory."""
    monkeypatch.setattr(recurrence, "way", "steps" if request.param == "steps" else "walk")
    monkeypatch.setattr(walk, "SHARED", walk.SHARED if request.param == "held" else 0)


# As on the processor: room for rounding float64 differently in some hundred operations, and for nothing else.
EXACT = 1e-10


@pytest.mark.parametrize(("T", "B", "D", "H"), [(3, 3, 2, 5), (1, 1, 1, 1)])
@pytest.mark.parametrize("cell", CELLS)
def test_agrees_with_reference(way, cell, T, B, D, H):
    args = case(cell, T, B, D, H)
    h, c, saved, grads = run_layer(cell, *args, on=CUDA)
    h_ref, c_ref, steps, grads_ref = reference(cell, *args)
    np.testing.assert_allclose(h, h_ref, rtol=EXACT, atol=EXACT)
    if CELLS[cell].has_c:
        np.testing.assert_allclose(c, c_ref, rtol=EXACT, atol=EXACT)
    else:
        del grads["c0"]
    for at, name in enumerate(CELLS[cell].saved):
        expected = [step[name] for step in steps]
        np.testing.assert_allclose(saved[:, :, at * H : (at + 1) * H], expected, rtol=EXACT, atol=EXACT)
    for name, gradient in grads.items():
        np.testing.assert_allclose(gradient, grads_ref[name], rtol=EXACT, atol=EXACT, err_msg=name)


@pytest.mark.parametrize("cell", CELLS)
def test_agrees_with_central_differences(cell):
    args = layer, x, h0, c0, dh_above, dh_last, dc_last = case(cell, 2, 1, 1, 2)

    def loss():
        h, c, _, _ = run_layer(cell, *args, on=CUDA, backward=False)
        return float((h[1:] * dh_above).sum() + (h[-1] * dh_last).sum() + (c[-1] * dc_last[:, : c.shape[2]]).sum())

    grads = run_layer(cell, *args, on=CUDA)[3]
    arrays = {**layer, "x": x, "h0": h0}
    if CELLS[cell].has_c:
        arrays["c0"] = c0
    for name, array in arrays.items():
        assert_gradients_agree(grads[name], numerical_gradient(loss, array), 1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_float32_is_the_same_to_its_precision(way, cell):
    layer, x, *rest = case(cell, 2, 2, 3, 5, np.float32)
    h, _, _, grads = run_layer(cell, layer, x, *rest, on=CUDA)
    h_ref, _, _, grads_ref = reference(cell, layer, x.astype(np.float64), *rest)
    assert h.dtype == grads["W_hh"].dtype == np.float32
    np.testing.assert_allclose(h, h_ref, atol=5e-6)
    for name in ("W_ih", "W_hh", "b", "unit", "x", "h0"):
        assert_gradients_agree(grads[name], grads_ref[name], 1e-5)


@pytest.mark.parametrize("cell", ["peephole", "gru"])
def test_the_processor_gets_the_same(cell):
    """Not bit for bit: sums are in another order, and a GPU rounds a product and its sum once."""
    args = case(cell, 2, 3, 2, 3)
    for found, expected in zip(run_layer(cell, *args, on=CUDA)[:3], run_layer(cell, *args)[:3], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
